package consent

import "github.com/orleu/elshi/vocab"

// answer is what a class makes of a person's "stop" on an address.
type answer int

const (
	denies     answer = iota // the zero answer: a class nobody has thought about sends nothing
	asksOthers               // denied while another usable channel exists, else sent: the law wants the person told
	ignores
)

// nights is which channels wait for the morning.
type nights int

const (
	everyChannel nights = iota // the zero value holds
	smsOnly
	noChannel
)

// classRules are one row of the decision table. Its zero values are the strict side, except for what a class needs: an
// unknown class needs nothing because it is denied for being unknown.
type classRules struct {
	basis              BasisKind
	needsGrant         bool
	needsUnsubscribe   bool // the message must carry a way out
	needsTrigger       bool
	needsFreshRequest  bool
	optOut             bool // the contact can opt out of the class's purposes
	complaint          answer
	stop               answer // the channel stopped: SMS STOP or its email counterpart
	ignoresUnsubscribe bool   // unsubscribed from all
	ignoresManual      bool   // suppressed by an operator
	ignoresProcessing  bool   // goes out after consent to processing was withdrawn
	ignoresBlock       bool   // goes out while the law blocks the contact's data
	ignoresUnverified  bool   // the address need not be proven
	ignoresMinority    bool
	quiet              nights
	capped             bool // the frequency cap counts
}

// rules is the decision table. What is not listed here holds for every class.
var rules = map[vocab.Class]classRules{
	vocab.Legal: {
		basis: BasisObligation, complaint: asksOthers, stop: asksOthers, quiet: smsOnly,
		ignoresUnsubscribe: true, ignoresManual: true, ignoresProcessing: true, ignoresBlock: true,
		ignoresUnverified: true, ignoresMinority: true,
	},
	vocab.Breach: {
		basis: BasisObligation, complaint: ignores, stop: ignores, quiet: noChannel,
		ignoresUnsubscribe: true, ignoresManual: true, ignoresProcessing: true, ignoresBlock: true,
		ignoresUnverified: true, ignoresMinority: true,
	},
	vocab.Security: {
		basis: BasisRequest, needsFreshRequest: true, complaint: ignores, stop: ignores, quiet: noChannel,
		ignoresUnsubscribe: true, ignoresManual: true, ignoresProcessing: true,
		ignoresUnverified: true, ignoresMinority: true,
	},
	vocab.Transactional: {
		basis: BasisRequest, needsTrigger: true, complaint: ignores, stop: denies, quiet: smsOnly,
		ignoresUnsubscribe: true, ignoresMinority: true,
	},
	vocab.Service: {
		basis: BasisService, optOut: true, complaint: denies, stop: denies, quiet: smsOnly,
		ignoresUnsubscribe: true,
	},
	vocab.Marketing: {
		basis: BasisGrant, needsGrant: true, needsUnsubscribe: true, complaint: denies, stop: denies, quiet: everyChannel,
		capped: true,
	},
}

// mayWait says whether an organisation may set hours for the class: not for those that are of no use an hour later.
func mayWait(class vocab.Class) bool { return rules[class].quiet != noChannel }

// ManualStops says whether a suppression by an operator can stop messages of the class.
func ManualStops(class vocab.Class) bool {
	row, known := rules[class]
	return known && !row.ignoresManual
}

// waitsForMorning is the one home of which classes and channels quiet hours hold: the gate and the calendar both ask it.
func waitsForMorning(class vocab.Class, channel vocab.Channel) bool {
	switch rules[class].quiet {
	case everyChannel:
		return true
	case smsOnly:
		return channel != vocab.Email
	case noChannel:
		return false
	}
	return true
}
