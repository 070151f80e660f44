package app

import "fmt"

// Welcome is what a demonstration prints: where things are and a first message to try.
func (a *App) Welcome(d Demo) string {
	base := "http://" + a.Addr()
	return fmt.Sprintf(`
  Elshi is running at %[1]s

  caught mail and SMS   %[1]s/inbox
  a sign-up form        %[1]s/forms/news
  API reference         %[1]s/docs
  demo API key          %[2]s

  A first message:

    curl -s %[1]s/v1/messages \
      -H 'Authorization: Bearer %[2]s' -H 'Content-Type: application/json' \
      -d '{"to": {"email": "aigul@demo.example"}, "purpose": "account.identity", "template": "one-time-code",
           "trigger": {"id": "sign-in-1"}, "data": {"code": "482913", "minutes": 10, "action": "sign-in"}}'

  Ctrl-C stops it; everything is kept in the data folder.

`, base, d.Key)
}
