module example.org/rule

go 1.26

require github.com/engram-lm/engram v0.0.0

replace github.com/engram-lm/engram => ../../..
