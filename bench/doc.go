// Package bench measures Elshi as a whole: campaigns, single messages, codes beside a campaign, and the costly parts alone. Everything
// is a Go benchmark over real servers and processes (see docs/performance.md); nothing in it asserts a speed.
package bench
