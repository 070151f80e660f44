// Package api is the HTTP door for programs: it checks who asks and what they ask, hands it to the street and the ledger, and says
// in HTTP what they answered. It decides no consent, knows no SQL and never repeats personal data in a refusal or a log line.
package api
