// Package evidence says on what ground one message was allowed or refused: a document with everything that shows it, sealed, as JSON, as a page
// to print and as a PDF, in kk, ru and en. It reads what was kept and decides nothing anew; where something is not kept any more it says so.
package evidence
