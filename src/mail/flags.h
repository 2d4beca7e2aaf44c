/* flags - what a maildir's file name and an IMAP server say of a message, as one set.
 *
 *   letter  IMAP         means
 *   D       \Draft       not finished
 *   F       \Flagged     to be looked at
 *   P       $Forwarded   passed on
 *   R       \Answered    replied to
 *   S       \Seen        read
 *   T       \Deleted     thrown away, though still there
 *
 * Letters stand behind ":2," in a file's name, in this order; others there are some program's own and no flag
 * of ours. Other IMAP flags and keywords have no letter: they are neither read nor touched. */
#ifndef TAPPAL_MAIL_FLAGS_H
#define TAPPAL_MAIL_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLAG_DRAFT 0x01u
#define FLAG_FLAGGED 0x02u
#define FLAG_PASSED 0x04u
#define FLAG_REPLIED 0x08u
#define FLAG_SEEN 0x10u
#define FLAG_TRASHED 0x20u
#define FLAGS_ALL 0x3fu
#define FLAGS_TEXT 8 /* room for all letters and NUL */

/* Those of the letters that are flags; the rest passes by. */
uint8_t flags_of_letters(const char *letters, size_t n);
/* "FS"; "" where there is none. */
void flags_letters(uint8_t flags, char out[FLAGS_TEXT]);
/* One IMAP flag, in any case; 0 where it has no letter. */
uint8_t flags_of_imap(const char *name, size_t n);
/* "\Flagged \Seen", and its length; for STORE. `out` holds FLAGS_IMAP_TEXT bytes. */
#define FLAGS_IMAP_TEXT 64
void flags_imap(uint8_t flags, char out[FLAGS_IMAP_TEXT]);

#endif
