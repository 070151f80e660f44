package disclosures_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/disclosures"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/vocab"
)

var noon = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

const recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

// Whatever members do in whatever order, nothing is exported without two yeses of two who did not draft it, and nothing leaves its end.
func TestNothingIsExportedWithoutTwoOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := disclosures.Disclosure{State: disclosures.Draft, DraftedBy: "mem_0"}
		var yeses []vocab.MemberID
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			by := members.Member{ID: vocab.MemberID(rapid.SampledFrom([]string{"mem_0", "mem_1", "mem_2", "mem_3"}).Draw(t, "who"))}
			by.Roles = []members.Role{rapid.SampledFrom(members.Roles()).Draw(t, "role")}
			if rapid.IntRange(0, 5).Draw(t, "inactive") == 0 {
				by.DeactivatedAt = noon
			}
			before := d
			var err error
			switch rapid.SampledFrom([]string{"approve", "approve", "approve", "export", "refuse"}).Draw(t, "does") {
			case "approve":
				if d, err = d.Approve(by, noon); err == nil {
					if slices.Contains(yeses, by.ID) {
						t.Fatalf("%s approved twice", by.ID)
					}
					yeses = append(yeses, by.ID)
					if !by.Active() || !by.HasAny(members.Legal, members.Approver) || by.ID == "mem_0" {
						t.Fatalf("%+v approved", by)
					}
				}
			case "export":
				if d, err = d.Export(by, disclosures.Sealed{PlainHash: "p"}, noon); err == nil {
					slices.Sort(yeses)
					if len(slices.Compact(yeses)) != 2 || before.State != disclosures.Approved || d.State != disclosures.Exported {
						t.Fatalf("exported with the yeses of %v from %s", yeses, before.State)
					}
				}
			case "refuse":
				if d, err = d.Refuse(by, "no", noon); err == nil && !by.HasAny(members.Legal, members.Approver) {
					t.Fatalf("%+v refused", by)
				}
			}
			if err != nil && !cmp.Equal(before, d) {
				t.Fatalf("an error changed it: %+v", d)
			}
			if err == nil && (before.State == disclosures.Exported || before.State == disclosures.Refused) {
				t.Fatalf("it left %s", before.State)
			}
			if kind := fault.KindOf(err); err != nil && kind != fault.Forbidden && kind != fault.Conflict {
				t.Fatalf("error %v", err)
			}
		}
	})
}

func draft(change func(*disclosures.Disclosure)) disclosures.Disclosure {
	d := disclosures.Disclosure{
		Body: "Алматы қаласының соты", BIN: "990440000385", Ground: "article 8", Reference: "7599-26-00", RequestedOn: "2026-11-20",
		Contacts: []vocab.ContactID{"con_06gywnjy01xbs0938nkrkaydxw"}, Parts: []disclosures.Part{disclosures.Timeline, disclosures.Identity}, Recipient: recipient,
	}
	change(&d)
	return d
}

func TestADraftIsChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*disclosures.Disclosure)
		want   []string
	}{
		"as it should be": {func(*disclosures.Disclosure) {}, nil},
		"of today":        {func(d *disclosures.Disclosure) { d.RequestedOn = "2026-11-23" }, nil},
		"without a BIN":   {func(d *disclosures.Disclosure) { d.BIN = "" }, nil},
		"ten contacts twice": {func(d *disclosures.Disclosure) {
			for i := range 10 {
				d.Contacts = append(d.Contacts, vocab.ContactID("con_06gywnjy01xbs0938nkrkayd"+string("abcdefghjk"[i])+"w"))
			}
			d.Contacts = append(d.Contacts[1:], d.Contacts[1:]...)
		}, nil},
		"an identity number as BIN": {func(d *disclosures.Disclosure) { d.BIN = "950101300006" }, []string{"/bin"}},
		"a BIN with a wrong digit":  {func(d *disclosures.Disclosure) { d.BIN = "990440000386" }, []string{"/bin"}},
		"an identity number in the ground": {
			func(d *disclosures.Disclosure) { d.Ground = "ИИН 950101300006" }, []string{"/ground"},
		},
		"nothing": {func(d *disclosures.Disclosure) { *d = disclosures.Disclosure{} }, []string{"/body", "/ground", "/reference", "/requested_on", "/contact_ids", "/parts", "/recipient"}},
		"eleven contacts": {func(d *disclosures.Disclosure) {
			for i := range 10 {
				d.Contacts = append(d.Contacts, vocab.ContactID("con_06gywnjy01xbs0938nkrkayd"+string("abcdefghjk"[i])+"w"))
			}
		}, []string{"/contact_ids"}},
		"an address as a contact":  {func(d *disclosures.Disclosure) { d.Contacts = []vocab.ContactID{"a@example.org"} }, []string{"/contact_ids/0"}},
		"a part that is none":      {func(d *disclosures.Disclosure) { d.Parts = append(d.Parts, "everything") }, []string{"/parts"}},
		"of the year to come":      {func(d *disclosures.Disclosure) { d.RequestedOn = "2027-01-01" }, []string{"/requested_on"}},
		"an SSH key for recipient": {func(d *disclosures.Disclosure) { d.Recipient = "ssh-ed25519 AAAA" }, []string{"/recipient"}},
	} {
		d, err := disclosures.Clean(draft(tc.change), noon)
		var got []string
		if e, ok := errors.AsType[*fault.Error](err); ok {
			for _, f := range e.Fields {
				got = append(got, f.Pointer)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s\n%v", name, diff, err)
		}
		if err == nil && (!cmp.Equal(d.Parts, []disclosures.Part{disclosures.Identity, disclosures.Timeline}) || len(d.Contacts) > disclosures.MaxContacts) {
			t.Errorf("%s: parts %v, %d contacts", name, d.Parts, len(d.Contacts))
		}
	}
}

func TestOnlyTheRecipientOpensAnExport(t *testing.T) {
	court, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	const document = `{"name":"Айгүл"}`
	sealed, err := disclosures.Seal(court.Recipient().String(), []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(sealed.Text, "Айгүл") || len(sealed.PlainHash) != 64 || len(sealed.SealedHash) != 64 {
		t.Errorf("sealed %+v", sealed)
	}
	opened, err := age.Decrypt(armor.NewReader(strings.NewReader(sealed.Text)), court)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(opened); err != nil || string(got) != document {
		t.Errorf("opened %q, %v", got, err)
	}
	if _, err := age.Decrypt(armor.NewReader(strings.NewReader(sealed.Text)), other); err == nil {
		t.Error("somebody else opened it")
	}
	if _, err := disclosures.Seal("age1", nil); err == nil {
		t.Error("sealed to no key")
	}
}

func FuzzClean(f *testing.F) {
	f.Add("990440000385", "2026-11-20", recipient)
	f.Fuzz(func(t *testing.T, bin, on, to string) {
		d, err := disclosures.Clean(draft(func(d *disclosures.Disclosure) { d.BIN, d.RequestedOn, d.Recipient = bin, on, to }), noon)
		if err != nil {
			return
		}
		if d.BIN != "" && (len(d.BIN) != 12 || d.BIN[4] < '4' || d.BIN[4] > '6') {
			t.Errorf("BIN %q", d.BIN)
		}
		if _, err := disclosures.Seal(d.Recipient, nil); err != nil {
			t.Errorf("a recipient that was taken seals nothing: %v", err)
		}
	})
}
