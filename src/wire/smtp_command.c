/* smtp_command - command lines and the list of extensions: see smtp_command.h. */
#include "wire/smtp_command.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

/* -- EHLO's answer -- */

/* Takes the next word of a line from *s; false at its end. */
static bool next_word(const char **s, const char *end, const char **word_r, size_t *n_r)
{
    const char *p = *s;
    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }
    *word_r = p;
    while (p < end && *p != ' ' && *p != '\t') {
        p++;
    }
    *n_r = (size_t)(p - *word_r);
    *s = p;
    return *n_r > 0;
}

static bool is_word(const char *word, size_t n, const char *z)
{
    return n == strlen(z) && text_eqn_nocase(word, z, n);
}

static bool add_mechanism(struct smtp_caps *caps, const char *word, size_t n, struct err *err)
{
    char name[32];
    if (n >= sizeof(name) || memchr(word, '\0', n) != NULL || caps->auth.count == SMTP_AUTH_MECHANISMS_MAX) {
        return true; /* no mechanism is named so (RFC 4422: 20 characters) */
    }
    memcpy(name, word, n);
    name[n] = '\0';
    return strv_has_nocase(&caps->auth, name) || strv_add(&caps->auth, name, err);
}

static bool parse_auth(struct smtp_caps *caps, const char *p, const char *end, struct err *err)
{
    const char *word;
    size_t n;
    while (next_word(&p, end, &word, &n)) {
        if (!add_mechanism(caps, word, n, err)) {
            return false;
        }
    }
    return true;
}

static void parse_size(struct smtp_caps *caps, const char *p, const char *end)
{
    const char *word;
    size_t n;
    char number[24];
    if (next_word(&p, end, &word, &n) && n < sizeof(number)) {
        memcpy(number, word, n);
        number[n] = '\0';
        text_u64(number, UINT64_MAX, &caps->size_max);
    }
}

/* LIMITS SP name=value ... (RFC 9422): unknown names are passed over, and so is a limit of 0. */
static void parse_limit(struct smtp_caps *caps, const char *word, size_t n)
{
    static const struct {
        const char *name;
        size_t offset;
    } limits[] = {
        {"MAILMAX=", offsetof(struct smtp_caps, mail_max)},
        {"RCPTMAX=", offsetof(struct smtp_caps, rcpt_max)},
        {"RCPTDOMAINMAX=", offsetof(struct smtp_caps, rcpt_domain_max)},
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        size_t name = strlen(limits[i].name);
        char number[24];
        if (n > name && n - name < sizeof(number) && text_eqn_nocase(word, limits[i].name, name)) {
            memcpy(number, word + name, n - name);
            number[n - name] = '\0';
            text_u64(number, UINT64_MAX, (uint64_t *)((char *)caps + limits[i].offset));
        }
    }
}

static void parse_limits(struct smtp_caps *caps, const char *p, const char *end)
{
    const char *word;
    size_t n;
    while (next_word(&p, end, &word, &n)) {
        parse_limit(caps, word, n);
    }
}

static const struct {
    const char *word;
    size_t offset;
} flags[] = {
    {"STARTTLS", offsetof(struct smtp_caps, starttls)},
    {"PIPELINING", offsetof(struct smtp_caps, pipelining)},
    {"8BITMIME", offsetof(struct smtp_caps, eight_bit)},
    {"SMTPUTF8", offsetof(struct smtp_caps, smtputf8)},
    {"CHUNKING", offsetof(struct smtp_caps, chunking)},
    {"DSN", offsetof(struct smtp_caps, dsn)},
    {"REQUIRETLS", offsetof(struct smtp_caps, require_tls)},
};

static bool parse_extension(struct smtp_caps *caps, const char *p, const char *end, struct err *err)
{
    const char *word;
    size_t n;
    if (!next_word(&p, end, &word, &n)) {
        return true;
    }
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
        if (is_word(word, n, flags[i].word)) {
            *(bool *)((char *)caps + flags[i].offset) = true;
        }
    }
    if (is_word(word, n, "SIZE")) {
        caps->size = true;
        parse_size(caps, p, end);
    }
    if (is_word(word, n, "LIMITS")) {
        parse_limits(caps, p, end);
    }
    if (is_word(word, n, "AUTH")) {
        return parse_auth(caps, p, end, err);
    }
    if (n > 5 && text_eqn_nocase(word, "AUTH=", 5)) { /* as servers of before RFC 2554 wrote it */
        return add_mechanism(caps, word + 5, n - 5, err) && parse_auth(caps, p, end, err);
    }
    return true;
}

bool smtp_caps_parse(const struct smtp_reply *ehlo, struct smtp_caps *caps_r, struct err *err)
{
    const char *p = ehlo->text.buf, *end = ehlo->text.buf + ehlo->text.len;

    *caps_r = (struct smtp_caps){0};
    for (bool greeting = true; p < end; greeting = false) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        if (!greeting && !parse_extension(caps_r, p, eol, err)) {
            smtp_caps_free(caps_r);
            return false;
        }
        p = eol + 1;
    }
    return true;
}

void smtp_caps_free(struct smtp_caps *caps)
{
    strv_free(&caps->auth);
    *caps = (struct smtp_caps){0};
}

/* -- commands -- */

static bool bad_address(const char *address, const char *why, struct err *err)
{
    char shown[128];
    text_clean(shown, sizeof(shown), address, strlen(address));
    return err_set(err, ERR_DATA, "The address \"%s\" cannot be sent: %s.", shown, why);
}

bool smtp_address_check(const char *address, struct err *err)
{
    size_t n = strlen(address);
    bool quoted = false;

    if (n == 0 || n > SMTP_ADDRESS_MAX) {
        return bad_address(address, n == 0 ? "it is empty" : "it is too long", err);
    }
    if (text_has_control(address, n) || !text_is_utf8(address, n)) {
        return bad_address(address, "it has control characters or broken UTF-8", err);
    }
    for (const char *p = address; *p != '\0'; p++) {
        if (*p == '"') {
            quoted = !quoted;
        } else if (quoted && *p == '\\' && p[1] != '\0') {
            p++;
        } else if (!quoted && strchr("<> ", *p) != NULL) {
            return bad_address(address, "a blank or an angle bracket stands outside quotes", err);
        }
    }
    return quoted ? bad_address(address, "a quote is left open", err) : true;
}

bool smtp_command_ehlo(struct str *out, const char *verb, const char *name, struct err *err)
{
    size_t n = strlen(name);
    if (n == 0 || n > 255 || !text_is_ascii(name, n) || text_has_control(name, n) ||
        strchr(name, ' ') != NULL) {
        return err_set(err, ERR_CONFIG, "The name given to the server in %s is not a host name.", verb) ||
               err_hint(err, "Set ehlo in the account's [send] to a full host name, or leave it out.");
    }
    return str_addf(out, err, "%s %s", verb, name);
}

/* xtext = *( xchar / "+" 2HEXDIG ); xchar is any of "!" to "~" but "+" and "=" (RFC 3461, 4) */
static bool add_xtext(struct str *out, const char *text, struct err *err)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        bool plain = c > ' ' && c < 0x7f && c != '+' && c != '=';
        if (!(plain ? str_addc(out, *p, err) : str_addf(out, err, "+%02X", (unsigned)c))) {
            return false;
        }
    }
    return true;
}

bool smtp_command_mail(struct str *out, const struct smtp_mail *mail, struct err *err)
{
    if (mail->sender[0] != '\0' && !smtp_address_check(mail->sender, err)) {
        return false;
    }
    return str_addf(out, err, "MAIL FROM:<%s>", mail->sender) &&
           (!mail->say_size || str_addf(out, err, " SIZE=%" PRIu64, mail->size)) &&
           (!mail->eight_bit || str_addz(out, " BODY=8BITMIME", err)) &&
           (!mail->smtputf8 || str_addz(out, " SMTPUTF8", err)) &&
           (!mail->require_tls || str_addz(out, " REQUIRETLS", err)) &&
           (mail->ret == RET_UNSET ||
            str_addz(out, mail->ret == RET_FULL ? " RET=FULL" : " RET=HDRS", err)) &&
           (mail->envid == NULL || (str_addz(out, " ENVID=", err) && add_xtext(out, mail->envid, err)));
}

static bool add_notify(struct str *out, unsigned notify, struct err *err)
{
    static const struct {
        unsigned flag;
        const char *word;
    } words[] = {{NOTIFY_NEVER, "NEVER"},
                 {NOTIFY_SUCCESS, "SUCCESS"},
                 {NOTIFY_FAILURE, "FAILURE"},
                 {NOTIFY_DELAY, "DELAY"}};
    const char *before = " NOTIFY=";
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if ((notify & words[i].flag) != 0) {
            if (!str_addf(out, err, "%s%s", before, words[i].word)) {
                return false;
            }
            before = ",";
        }
    }
    return true;
}

/* The address type, an atom, stands in front of the xtext as it is. */
static bool add_orcpt(struct str *out, const char *orcpt, struct err *err)
{
    const char *address = strchr(orcpt, ';');
    if (address == NULL) {
        return true;
    }
    address++;
    return str_addz(out, " ORCPT=", err) && str_add(out, orcpt, (size_t)(address - orcpt), err) &&
           add_xtext(out, address, err);
}

bool smtp_command_rcpt(struct str *out, const char *address, unsigned notify, const char *orcpt,
                       struct err *err)
{
    return smtp_address_check(address, err) && str_addf(out, err, "RCPT TO:<%s>", address) &&
           add_notify(out, notify, err) && (orcpt == NULL || add_orcpt(out, orcpt, err));
}

bool smtp_command_bdat(struct str *out, uint64_t octets, struct err *err)
{
    return str_addf(out, err, "BDAT %" PRIu64 " LAST", octets);
}
