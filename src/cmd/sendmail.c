/* tappal-sendmail - the sendmail(1) interface: stores a message durably and hands it over.
 * No network, no secrets, no libraries but libinih and libnettle: what needs those is tappal-deliver. */
#include "cmd/sendmail.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "cmd/say.h"

static int send_message(const struct sendmail_options *options)
{
    struct desk desk = {.options = options};
    struct letter letter = {.desk = &desk};
    struct err err;
    int status = desk_open(&desk, options, &err) && stdin_store(&letter, &desk, &err) ? handover(&letter)
                                                                                      : say_error(NULL, &err);
    letter_free(&letter);
    desk_close(&desk);
    return status;
}

/* -bv: what would be done, for each recipient of the command line and, with -t, of the header. */
static int verify(const struct sendmail_options *options)
{
    struct desk desk = {.options = options};
    struct letter l = {.desk = &desk};
    struct err err;
    bool ok = desk_open(&desk, options, &err) && stdin_verify(&l, &desk, &err);
    for (size_t i = 0; ok && i < l.envelope.count; i++) {
        const struct recipient *r = &l.envelope.recipients[i];
        if (r->unusable != NULL)
            say("%s would be refused: %s", r->address, r->unusable);
        else
            say("%s would be sent from %s by the account %s.", r->address,
                l.envelope.sender[0] != '\0' ? l.envelope.sender : "<>", l.account->name);
    }
    letter_free(&l);
    desk_close(&desk);
    return ok ? 0 : say_error(NULL, &err);
}

/* newaliases: alias files are read as they are. */
static int no_aliases(const struct sendmail_options *options)
{
    (void)options;
    return 0;
}

static int help(const struct sendmail_options *options)
{
    (void)options;
    say("Usage: tappal-sendmail [OPTION...] [--] [RECIPIENT...] <MESSAGE\n"
        "  -t            recipients also from To, Cc and Bcc\n"
        "  -i            a line with only a dot does not end the message\n"
        "  -f ADDRESS    envelope sender; '' or '<>' is the null sender\n"
        "  -F NAME       name for a From line that is missing\n"
        "  -odi|-odb|-odq  wait for the verdict, deliver behind, only store\n"
        "  -N WHEN -R WHAT -V ID  delivery status notifications\n"
        "  -bp           list the queue (mailq)\n"
        "  -bv           say what would be done with the recipients\n"
        "  -bs           speak SMTP on standard input and output\n"
        "  -q            run the queue\n"
        "  -v, --verbose show the dialogue with the server\n"
        "  --json        say what became of each recipient, a JSON object a line\n"
        "  --account NAME  --config DIR  --help  --version\n"
        "All other options of sendmail are accepted; see tappal-sendmail(8).");
    return 0;
}

static int version(const struct sendmail_options *options)
{
    (void)options;
    say("tappal-sendmail " TAPPAL_VERSION);
    return 0;
}

static int (*const jobs[])(const struct sendmail_options *) = {
    [JOB_SEND] = send_message,   [JOB_LIST] = list_queue, [JOB_ALIASES] = no_aliases, [JOB_VERIFY] = verify,
    [JOB_RUN_QUEUE] = run_queue, [JOB_SMTP] = speak_smtp, [JOB_HELP] = help,          [JOB_VERSION] = version,
};

int main(int argc, char **argv)
{
    struct sendmail_options options;
    struct err err;
    (void)argc;
    proc_begin(argv[0]);
    if (argv[0] == NULL)
        return err_exit_status(ERR_USAGE);
    if (!proc_called_as_sendmail()) {
        fs_read_test_hook(proc_name());
        clock_read_test_shift();
    }
    if (!sendmail_options_read(argv, proc_called_as_sendmail(), &options, &err))
        return say_error(NULL, &err);
    if (options.job == JOB_SEND && strcmp(proc_name(), "mailq") == 0)
        options.job = JOB_LIST;
    if (options.job == JOB_SEND && strcmp(proc_name(), "newaliases") == 0)
        options.job = JOB_ALIASES;
    return jobs[options.job](&options);
}
