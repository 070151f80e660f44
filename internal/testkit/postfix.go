package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// PostfixPeer is a Postfix of its own: configuration, queue and master are this test's alone.
type PostfixPeer struct {
	Port    int // of its SMTP server
	config  string
	process *Process
}

// StartPostfix runs a Postfix that takes mail from this machine and relays it to host:port, and ends with the test. Its master must be
// root; anybody else leaves the test out.
func StartPostfix(t testing.TB, relayTo string) *PostfixPeer {
	t.Helper()
	postfix := Need(t, Postfix)
	owner, err := user.Lookup("postfix")
	if err != nil || os.Geteuid() != 0 {
		LeaveOut(t, string(Postfix), "only root may run one")
	}
	// t.TempDir's parents let no other user in, and the queue's daemons are another user.
	dir, err := os.MkdirTemp("", "elshi-postfix-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the Postfix: %v", err)
		}
	})
	p := &PostfixPeer{Port: Free(t), config: filepath.Join(dir, "etc")}
	p.write(t, dir, owner, relayTo)
	// It makes the folders of the queue, and says in its own words what is wrong.
	if out, err := exec.CommandContext(t.Context(), postfix, "-c", p.config, "check").CombinedOutput(); err != nil {
		t.Fatalf("postfix check: %v\n%s", err, out)
	}
	daemons, err := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(postfix), "postconf"), "-c", p.config, "-h", "daemon_directory").Output()
	if err != nil {
		t.Fatalf("postconf: %v", err)
	}
	p.process = Start(t, Command{
		Path: filepath.Join(strings.TrimSpace(string(daemons)), "master"), Args: []string{"-c", p.config, "-d"}, Dir: dir,
	})
	Eventually(t, 20*time.Second, func() error { return listening(p.Port) })
	return p
}

func (p *PostfixPeer) write(t testing.TB, dir string, owner *user.User, relayTo string) {
	t.Helper()
	host, port, _ := strings.Cut(relayTo, ":")
	main := fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
myhostname = relay.example
mydestination =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.1/32
relayhost = [%[2]s]:%[3]s
disable_dns_lookups = yes
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtputf8_enable = yes
`, dir, host, port)
	master := fmt.Sprintf(`127.0.0.1:%d inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
showq unix n - n - - showq
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`, p.Port)
	for folder, mode := range map[string]os.FileMode{dir: 0o755, p.config: 0o755, filepath.Join(dir, "queue"): 0o755, filepath.Join(dir, "data"): 0o700} {
		if err := os.MkdirAll(folder, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
	}
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(dir, "data"), uid, -1); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"main.cf": main, "master.cf": master} {
		if err := os.WriteFile(filepath.Join(p.config, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Log is what it has logged so far.
func (p *PostfixPeer) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(p.config), "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
