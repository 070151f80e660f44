package testkit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// The roles of every cluster. The owner makes tables; the service may do only what it is granted.
const (
	OwnerRole   = "elshi_owner"
	ServiceRole = "elshi_service"
)

// PG is a PostgreSQL cluster with fsync on, reachable over loopback TCP and a unix socket, without passwords.
type PG struct {
	SocketDir string
	Port      int
	dir       string
	binary    string
	user      *syscall.Credential
	process   *Process
	databases atomic.Int32
}

// Postgres returns the cluster that all tests of this process share; it is started once. Use it for what does not disturb
// others, OwnPostgres for faults.
func Postgres(t testing.TB) *PG {
	t.Helper()
	binary := Need(t, PostgreSQL)
	defer lockShared(t)()
	if shared.postgres == nil {
		pg, err := newCluster(filepath.Join(shared.dir, "postgres"), binary, Free(t))
		if err != nil {
			t.Fatalf("start PostgreSQL: %v", err)
		}
		shared.postgres = pg
	}
	pg := shared.postgres
	t.Cleanup(func() { pg.process.showIfFailed(t) })
	return pg
}

// OwnPostgres starts a cluster for this test alone, which may stop and crash it.
func OwnPostgres(t testing.TB) *PG {
	t.Helper()
	binary := Need(t, PostgreSQL)
	unlock := lockShared(t)
	dir, err := os.MkdirTemp(shared.dir, "postgres-") //nolint:usetesting // t.TempDir's parents let no other user in
	unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the cluster: %v", err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	pg, err := newCluster(filepath.Join(dir, "postgres"), binary, Free(t))
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		pg.shutDown()
		pg.process.showIfFailed(t)
	})
	return pg
}

// newCluster makes and starts a cluster in dir. PostgreSQL refuses to run as root, so root lends it another user.
func newCluster(dir, binary string, port int) (*PG, error) {
	p := &PG{dir: dir, SocketDir: dir, Port: port, binary: binary}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 {
		owner, err := unprivileged()
		if err != nil {
			return nil, err
		}
		p.user = owner
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, err
		}
	}
	resolved, err := filepath.EvalSymlinks(binary) // initdb finds its files beside itself
	if err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(filepath.Dir(resolved), "initdb"),
		"--pgdata", p.data(), "--username", "postgres", "--auth", "trust", "--encoding", "UTF8",
		"--locale", "C.UTF-8", "--no-sync", "--no-instructions")
	initdb.Dir = dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: p.user}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if err := p.begin(); err != nil {
		return nil, err
	}
	return p, p.admin("postgres",
		"CREATE ROLE "+OwnerRole+" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE",
		"CREATE ROLE "+ServiceRole+" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
}

// unprivileged finds a user that is not root.
func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("no user postgres or nobody to run PostgreSQL as")
}

func (p *PG) data() string { return filepath.Join(p.dir, "data") }

func (p *PG) begin() error {
	process, err := start(Command{
		Path: p.binary, Dir: p.dir, User: p.user,
		Stop: syscall.SIGINT, // fast: sessions are ended, everything is written
		Args: []string{
			"-D", p.data(), "-k", p.SocketDir, "-p", strconv.Itoa(p.Port), "-h", "127.0.0.1",
			"-c", "max_connections=200", "-c", "fsync=on", "-c", "synchronous_commit=on",
			"-c", "log_min_messages=warning", "-c", "timezone=UTC",
		},
	})
	if err != nil {
		return err
	}
	p.process = process
	return poll(30*time.Second, func() error {
		if !process.Running() {
			return fmt.Errorf("postgres ended: %s", process.Stderr())
		}
		return p.admin("postgres")
	})
}

// Start starts it again after Stop or Crash.
func (p *PG) Start(t testing.TB) {
	t.Helper()
	if err := p.begin(); err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
}

// Stop ends it in order and breaks every connection (a fast shutdown).
func (p *PG) Stop(t testing.TB) {
	t.Helper()
	p.process.signal(t, syscall.SIGINT)
	p.process.Wait(t, 30*time.Second)
}

// Crash ends it at once (an immediate shutdown); the next start recovers from the log.
func (p *PG) Crash(t testing.TB) {
	t.Helper()
	p.process.signal(t, syscall.SIGQUIT)
	p.process.Wait(t, 30*time.Second)
}

// Restart is Stop and Start.
func (p *PG) Restart(t testing.TB) {
	t.Helper()
	p.Stop(t)
	p.Start(t)
}

func (p *PG) shutDown() { p.process.shutDown() }

// Database is a fresh database by the ways into it, as postgres:// URLs.
type Database struct {
	Name    string
	Owner   string // for migrations
	Service string // for the running system; it sees nothing until it is granted
	Admin   string // for what only a superuser sees
}

// CreateDatabase makes an empty database that ends with the test. Only its owner may make anything in it.
func (p *PG) CreateDatabase(t testing.TB) Database {
	t.Helper()
	name := fmt.Sprintf("test_%d", p.databases.Add(1))
	if err := p.admin("postgres", "CREATE DATABASE "+name+" OWNER "+OwnerRole,
		"REVOKE ALL ON DATABASE "+name+" FROM PUBLIC", "GRANT CONNECT ON DATABASE "+name+" TO "+ServiceRole); err != nil {
		t.Fatal(err)
	}
	if err := p.admin(name, "REVOKE ALL ON SCHEMA public FROM PUBLIC", "ALTER SCHEMA public OWNER TO "+OwnerRole); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.process.Running() {
			return // the whole cluster is about to be removed
		}
		if err := p.admin("postgres", "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop %s: %v", name, err)
		}
	})
	return Database{
		Name: name, Owner: p.url(OwnerRole, name), Service: p.url(ServiceRole, name), Admin: p.url("postgres", name),
	}
}

func (p *PG) url(role, database string) string {
	return "postgres://" + role + "@" + net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port)) + "/" + database + "?sslmode=disable"
}

// admin runs statements as the superuser, within 30 s.
func (p *PG) admin(database string, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.url("postgres", database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // every statement was answered
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
