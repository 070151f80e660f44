package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestABatchOfAThousand(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	w.meet(t, person{name: "Aigul", language: "en", email: "batch@orleu.example", grants: []string{"event.invite"}})
	const n = 1000
	bodies, want := make([]string, n), make([]string, n)
	for i := range n {
		reference := fmt.Sprintf(`, "reference": "row-%d"`, i)
		pointer := "/messages/" + strconv.Itoa(i)
		switch i % 10 {
		case 0:
			bodies[i] = strings.Replace(invitation("stranger@orleu.example"), `, "data"`, reference+`, "data"`, 1)
			want[i] = "suppressed address_unverified row-" + strconv.Itoa(i)
		case 1:
			bodies[i], want[i] = reply("not an address", reference), pointer+"/to/email email_invalid"
		case 2:
			bodies[i] = strings.Replace(reply("batch@orleu.example", reference), "request.reply", "no.such", 1)
			want[i] = pointer + "/purpose purpose_unregistered"
		case 3:
			bodies[i] = strings.Replace(reply("batch@orleu.example", reference), `"question": "Как?", `, "", 1)
			want[i] = pointer + "/data/request/question missing_variable"
		case 4:
			bodies[i] = strings.Replace(reply("batch@orleu.example", reference), `"request-answered"`, `"no-such"`, 1)
			want[i] = pointer + "/template template_not_found"
		default:
			bodies[i], want[i] = reply("batch@orleu.example", reference), "queued ok row-"+strconv.Itoa(i)
		}
	}
	batch := `{"messages": [` + strings.Join(bodies, ",\n") + `]}`
	a := w.post(t, "/v1/messages/batch", batch, "Idempotency-Key: thousand").want(t, http.StatusAccepted)
	var got struct {
		Data []struct {
			Message *struct {
				ID, Status, Reference string
				Decision              struct{ Reason struct{ Code string } }
			}
			Problem *struct {
				Errors []struct{ Pointer, Code string }
			}
		}
	}
	if err := json.Unmarshal(a.Body, &got); err != nil {
		t.Fatal(err)
	}
	var told, ids []string
	for _, item := range got.Data {
		switch {
		case item.Message != nil:
			told = append(told, item.Message.Status+" "+item.Message.Decision.Reason.Code+" "+item.Message.Reference)
			if item.Message.Status == "queued" {
				ids = append(ids, item.Message.ID)
			}
		case item.Problem != nil && len(item.Problem.Errors) == 1:
			told = append(told, item.Problem.Errors[0].Pointer+" "+item.Problem.Errors[0].Code)
		default:
			told = append(told, "neither a message nor one problem")
		}
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("results mismatch (-want +got):\n%s", diff)
	}
	for _, id := range ids {
		w.becomes(t, id, time.Minute, "sent")
	}
	again := w.post(t, "/v1/messages/batch", batch, "Idempotency-Key: thousand").want(t, http.StatusAccepted)
	if again.Header.Get("Idempotency-Replayed") != "true" || string(again.Body) != string(a.Body) {
		t.Error("the batch's second answer is not its first")
	}
	w.post(t, "/v1/messages/batch", `{"messages": [`+strings.Join(append(bodies, bodies[9]), ",")+`]}`).want(t, http.StatusUnprocessableEntity)
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	w.meet(t, person{name: "Aigul", language: "en", email: "once@orleu.example"})
	body := reply("once@orleu.example", `, "reference": "order-1"`)

	first := w.send(t, body, "Idempotency-Key: key-1")
	if first.Header.Get("Idempotency-Replayed") != "" {
		t.Error("the first answer says that it is a replay")
	}
	second := w.send(t, body, "Idempotency-Key: key-1")
	if second.Header.Get("Idempotency-Replayed") != "true" || string(second.Body) != string(first.Body) {
		t.Errorf("the replay (Idempotency-Replayed: %q) is\n%s\nwant\n%s", second.Header.Get("Idempotency-Replayed"), second.Body, first.Body)
	}
	w.post(t, "/v1/messages", body+" ", "Idempotency-Key: key-1").want(t, http.StatusUnprocessableEntity).has(t, "code=idempotency_key_reused")
	w.post(t, "/v1/messages", `{"to": {}, "purpose": "request.reply", "template": "request-answered"}`, "Idempotency-Key: key-2").want(t, http.StatusUnprocessableEntity)
	w.send(t, body, "Idempotency-Key: key-2") // a refusal frees the key
	other := w.with(w.newKey(t, "live")).send(t, body, "Idempotency-Key: key-1")
	if other.text(t, "id") == first.text(t, "id") {
		t.Error("another caller's key is not theirs")
	}

	t.Run("twenty twins at once make one set", func(t *testing.T) {
		batch := `{"messages": [` + reply("once@orleu.example", `, "reference": "twin"`) + "," + reply("once@orleu.example", `, "reference": "twin"`) + `]}`
		var group sync.WaitGroup
		answers, errs := make([]answer, 20), make([]error, 20)
		for i := range answers {
			group.Go(func() {
				answers[i], errs[i] = w.try(http.MethodPost, "/v1/messages/batch", []byte(batch), "Idempotency-Key: twins")
			})
		}
		group.Wait()
		replays := 0
		for i, a := range answers {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			if a.want(t, http.StatusAccepted).Header.Get("Idempotency-Replayed") == "true" {
				replays++
			}
			if string(a.Body) != string(answers[0].Body) {
				t.Errorf("twin %d was answered\n%s\nand the first\n%s", i, a.Body, answers[0].Body)
			}
		}
		if replays != 19 {
			t.Errorf("%d replays, want 19", replays)
		}
		w.get(t, "/v1/messages?reference=twin").want(t, http.StatusOK).has(t, "data.2=")
		w.becomes(t, answers[0].text(t, "data.0.message.id"), soon, "sent")
		w.becomes(t, answers[0].text(t, "data.1.message.id"), soon, "sent")
	})
	w.arrives(t, "once@orleu.example", 5)
}

func TestPreviewStoresNothing(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	w.meet(t, person{name: "Aigul", language: "en", email: "known@orleu.example", grants: []string{"event.invite"}})
	p := w.post(t, "/v1/messages/preview", invitation("known@orleu.example")).want(t, http.StatusOK).
		has(t, "status=queued", "class=marketing", "decision.verdict=allow", "content.subject=Invitation: Lesson Study")
	if !strings.Contains(p.text(t, "content.text"), "Сабақты бірге жоспарлаймыз.") {
		t.Errorf("the preview reads\n%s", p.Body)
	}
	w.post(t, "/v1/messages/preview", reply("stranger@orleu.example", "")).want(t, http.StatusOK).has(t, "status=suppressed")
	hidden := w.post(t, "/v1/messages/preview", code("phone", "+77010000002", "PREVIEWCODE")).want(t, http.StatusOK).has(t, "content.hidden=true")
	if strings.Contains(string(hidden.Body), "PREVIEWCODE") {
		t.Error("the preview shows the code")
	}
	w.get(t, "/v1/messages").want(t, http.StatusOK).has(t, "data.0=")
	w.get(t, "/v1/contacts?email=stranger@orleu.example").want(t, http.StatusOK).has(t, "data.0=")
	w.get(t, "/v1/inbox").want(t, http.StatusOK).has(t, "data.0=")
}
