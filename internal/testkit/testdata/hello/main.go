// Command hello is what the tests of testkit build and start.
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	_, _ = fmt.Fprintln(os.Stdout, greeting)
	switch {
	case len(os.Args) < 2:
	case os.Args[1] == "fail":
		os.Exit(7)
	case os.Args[1] == "stay":
		_, _ = fmt.Fprintf(os.Stderr, "ELSHI_X is %q, OTHER is %q\n", os.Getenv("ELSHI_X"), os.Getenv("OTHER"))
		<-time.After(time.Minute) // to be ended before
	}
}
