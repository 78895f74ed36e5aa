//go:build race

package membound

// Slack is what any file may cost, however small. Under the race detector pools
// forget a part of what they are given, and more is allocated anew.
const Slack = 128 << 20
