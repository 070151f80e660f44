package dispatcher

import (
	"bytes"
	"strings"
	"testing"
)

func TestSeal(t *testing.T) {
	s, id := newSealer(t), newMessageID()
	secret := []byte(`{"data":{"code":"482913"}}`)
	p, err := s.Seal(id, secret)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Sealed || strings.Contains(string(p.Data), "482913") {
		t.Errorf("sealed %t, the code readable: %s", p.Sealed, p.Data)
	}
	got, err := s.Open(id, p)
	if err != nil || !bytes.Equal(got, secret) {
		t.Errorf("Open = %s, %v, want %s", got, err, secret)
	}
	again, err := s.Seal(id, secret)
	if err != nil || bytes.Equal(again.Data, p.Data) {
		t.Errorf("the same data sealed twice look the same (%v): whoever reads the database could compare codes", err)
	}
	if got, err := s.Open(id, Payload{Data: secret}); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("Open of an open payload = %s, %v", got, err)
	}
}

func TestSealedPayloadsThatDoNotOpen(t *testing.T) {
	s, id := newSealer(t), newMessageID()
	p, err := s.Seal(id, []byte("482913"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewSealer([]byte("another key, thirty-two bytes ok"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(p.Data)
	damaged[20] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"as another message": func() ([]byte, error) { return s.Open(newMessageID(), p) },
		"with another key":   func() ([]byte, error) { return other.Open(id, p) },
		"damaged":            func() ([]byte, error) { return s.Open(id, Payload{Data: damaged, Sealed: true}) },
		"cut":                func() ([]byte, error) { return s.Open(id, Payload{Data: p.Data[:8], Sealed: true}) },
		"empty":              func() ([]byte, error) { return s.Open(id, Payload{Sealed: true}) },
		"not base 64":        func() ([]byte, error) { return s.Open(id, Payload{Data: []byte("***"), Sealed: true}) },
		"never sealed":       func() ([]byte, error) { return s.Open(id, Payload{Data: []byte("482913"), Sealed: true}) },
	} {
		data, err := open()
		if err == nil || data != nil {
			t.Errorf("%s: opened to %q, %v", name, data, err)
		}
		if err != nil && strings.Contains(err.Error(), "482913") {
			t.Errorf("%s: the error shows the code: %v", name, err)
		}
	}
}

func TestSealerWants32Bytes(t *testing.T) {
	for _, size := range []int{0, 16, 24, 31, 33} {
		if _, err := NewSealer(make([]byte, size)); err == nil {
			t.Errorf("a key of %d bytes was taken", size)
		}
	}
}
