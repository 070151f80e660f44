// Command smtp is both ends of a mail transfer, made to be faster than what is measured: "smtp sink" takes everything and counts
// it, "smtp blast" sends prebuilt messages as fast as the protocol allows. What blast reaches is the raw limit that a sender of real
// messages is compared with.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "smtp: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "sink" {
		f := flag.NewFlagSet("sink", flag.ContinueOnError)
		plain := f.Bool("plain", false, "do not offer PIPELINING")
		rtt := f.Duration("rtt", 0, "how late replies are heard")
		if err := f.Parse(args[1:]); err != nil {
			return err
		}
		return runSink(ctx, *plain, *rtt)
	}
	if len(args) > 0 && args[0] == "blast" {
		f := flag.NewFlagSet("blast", flag.ContinueOnError)
		to := f.String("to", "", "host:port of the sink")
		connections := f.Int("connections", 4, "connections in use at once")
		messages := f.Int("messages", 20_000, "messages in all")
		size := f.Int("size", 12_000, "bytes of each message on the wire")
		if err := f.Parse(args[1:]); err != nil {
			return err
		}
		return blast(ctx, *to, *connections, *messages, *size)
	}
	return fmt.Errorf("want sink or blast, got %q", args)
}
