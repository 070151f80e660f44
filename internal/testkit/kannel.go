package testkit

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// KannelUser and KannelPassword are the account of StartKannel.
const (
	KannelUser     = "elshi"
	KannelPassword = "kannel-secret"
)

// StartKannel runs a Kannel (bearerbox and smsbox) that is bound to the SMSC and hands the texts that people send to callbackURL, as
// docs/providers.md asks for it. It returns the address of its sendsms, and ends with the test.
func StartKannel(t testing.TB, smsc *SMSC, callbackURL string) string {
	t.Helper()
	bearerbox := Need(t, Kannel)
	adminPort, boxPort, sendPort := Free(t), Free(t), Free(t)
	dir := t.TempDir()
	conf := filepath.Join(dir, "kannel.conf")
	text := fmt.Sprintf(`group = core
admin-port = %d
admin-interface = 127.0.0.1
admin-password = test
smsbox-port = %d
smsbox-interface = 127.0.0.1
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = simulator
host = 127.0.0.1
port = %d
transceiver-mode = true
smsc-username = test
smsc-password = test
system-type = ""
source-addr-autodetect = true
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = %d
sendsms-interface = 127.0.0.1
sendsms-chars = "0123456789 +-"

group = sendsms-user
username = %s
password = %s
max-messages = 10
concatenation = true

group = sms-service
keyword = default
get-url = "%s?from=%%p&to=%%P&text=%%a&charset=%%C&event=%%I"
max-messages = 0
`, adminPort, boxPort, smsc.Port, sendPort, KannelUser, KannelPassword, callbackURL)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	Start(t, Command{Path: bearerbox, Args: []string{"-v", "1", conf}, Dir: dir})
	Eventually(t, 20*time.Second, func() error { return listening(boxPort) })
	Start(t, Command{Path: filepath.Join(filepath.Dir(bearerbox), "smsbox"), Args: []string{"-v", "1", conf}, Dir: dir})
	Eventually(t, 20*time.Second, func() error { return listening(sendPort) })
	smsc.Next(t, "bound")
	return "http://127.0.0.1:" + strconv.Itoa(sendPort)
}

// listening returns nil if something listens on the port.
func listening(port int) error {
	c, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}
