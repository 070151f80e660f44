package consent

// HeldGrant is the present state of one grant of a contact, as it is kept.
type HeldGrant struct {
	Key         GrantKey
	Grant       Grant
	CrossBorder bool // the text that was agreed to covers a transfer abroad
}
