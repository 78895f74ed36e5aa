//go:build !race

package membound

// Slack is what any file may cost, however small.
const Slack = 64 << 20
