/* textfile - the text of one message on its way into a file, in constant memory.
 *
 * A maildir keeps LF line ends, the wire has CRLF; a message that does not end all its lines with CRLF is
 * kept byte for byte. Which of the two it is shows only at its last byte, so the LF form is written on trust,
 * and at the first bare LF or lone CR the CRs are put back in place, from the end of the file to its
 * beginning. Nearly every message is CRLF throughout: this way it is written once and never read. */
#ifndef TAPPAL_BOX_TEXTFILE_H
#define TAPPAL_BOX_TEXTFILE_H

#include <stdint.h>

#include "base/err.h"
#include "base/sum.h"

#define TEXTFILE_BUFFER 65536

struct textfile {
    int fd;            /* opened for reading and writing, empty; not owned */
    const char *shown; /* how errors call it */
    bool crlf;         /* every line so far ended with CRLF: LF is written */
    bool cr;           /* a CR is held back until its LF shows up */
    uint64_t lines;    /* line ends written in the LF form */
    uint64_t size;     /* octets of the file, buffered ones included */
    struct sum_sha256 sum;
    size_t fill;
    char buffer[TEXTFILE_BUFFER];
};

void textfile_begin(struct textfile *t, int fd, bool crlf, const char *shown);
MUST_USE bool textfile_write(struct textfile *t, const void *bytes, size_t n, struct err *err);
/* Writes out what is buffered; size and sum are those of the file. */
MUST_USE bool textfile_end(struct textfile *t, unsigned char sha256_r[SUM_SHA256_BYTES], struct err *err);

#endif
