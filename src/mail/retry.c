/* retry - two rows of waiting times. */
#include "mail/retry.h"

#include <stddef.h>

static const int64_t after_failure[] = {0, 60, 120, 300, 600, 1200, 3600};
static const int64_t after_refusal[] = {0, 900, 3600, 14400};

static int64_t pick(const int64_t *row, size_t count, unsigned tries, uint32_t random)
{
    int64_t delay = row[tries < count ? tries : count - 1];
    int64_t tenth = delay / 10;
    return delay - tenth + (int64_t)((uint64_t)(2 * tenth) * random / UINT32_MAX);
}

int64_t retry_after(unsigned tries, uint32_t random)
{
    return pick(after_failure, sizeof(after_failure) / sizeof(*after_failure), tries, random);
}

int64_t retry_after_refusal(unsigned tries, uint32_t random)
{
    return pick(after_refusal, sizeof(after_refusal) / sizeof(*after_refusal), tries, random);
}
