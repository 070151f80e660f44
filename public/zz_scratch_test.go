package public

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

func TestScratchServe(t *testing.T) {
	addr := os.Getenv("SCRATCH")
	if addr == "" {
		t.Skip()
	}
	html, _ := os.ReadFile(os.Getenv("SCRATCH_HTML"))
	shared := newHouse(t)
	fill := func(h *house) {
		h.caught = samples()
		h.caught[0].HTML = string(html)
		h.caught[0].Text = "Сәлеметсіз бе, Айгерім!\n\nҚарашада үш жаңа курс ашылды.\n\nЖазылымнан бас тарту: http://" + addr + h.path("u", vocab.Marketing) + "\nБаптаулар: http://" + addr + h.path("p", vocab.Marketing) + "\n"
		h.caught[2].ID = "3"
		h.caught[0].Raw = []byte("Received: from worker by inbox with ESMTP\r\nFrom: =?utf-8?q?Orleu?= <news@orleu.example>\r\nTo: aigerim@orleu.example\r\nSubject: =?utf-8?b?0prQsNGA0LDRiNCw0LTQsNKT0Ysg0LbQsNKj0LDQu9GL0pvRgtCw0YA=?=\r\nList-Unsubscribe: <https://elshi.example/u/AZXJk3Jh8c2VqgAAAAAAAAAAAAAAAAAAAAAAAA>, <mailto:unsub@elshi.example>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMessage-ID: <msg_01jd@elshi.example>\r\n\r\nbody")
		h.caught = append(h.caught, h.caught[0], h.caught[1])
		h.caught[3].ID, h.caught[4].ID = "4", "5"
		h.canceled, h.inFlight = []vocab.MessageID{"msg_1"}, []vocab.MessageID{"msg_2", "msg_3"}
	}
	fill(shared)
	for _, k := range []string{"u", "p", "w"} {
		for _, c := range vocab.Classes() {
			fmt.Fprintf(os.Stderr, "PATH %s %s %s\n", k, c, shared.path(dispatcher.LinkKind(k), c))
		}
	}
	door := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := shared
		if r.Header.Get("X-Keep") == "" { // a fresh house, so that states do not leak between pages
			h = newHouse(t)
			fill(h)
			h.to.Shared = r.URL.Query().Has("shared")
			if r.URL.Query().Has("away") {
				h.away = errAway
			}
			if r.URL.Query().Has("stopped") {
				h.Withdraw(r.Context(), dispatcher.Withdrawal{Event: consent.Event{Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email}}, 0)
			}
		}
		h.door.ServeHTTP(w, r)
	})
	t.Fatal(http.ListenAndServe(addr, door))
}
