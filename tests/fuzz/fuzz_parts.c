/* Parts: a body that is cut comes back whole, and foreign parts and manifests do no harm. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/parts.h"
#include "proto/subjects.h"

#include "base/poison.h"

enum { BODY_MAX = 1 << 20, PENDING_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

static const char subject[] = STATE_PREFIX "verdict.v";

/* A manifest's own text is no body of ours: it would be read as one. */
static bool looks_like_manifest(ov_str body)
{
    return ov_str_starts(body, OV_STR("{\"schema\":1,\"parts\":"));
}

static void cut_and_join(ov_str body, size_t limit)
{
    OV_CLEANUP(parts_clear) parts p = {0};
    if (looks_like_manifest(body)) return;
    parts_split(subject, body, limit, &p);
    parts_joiner *j = parts_joiner_new(BODY_MAX, BODY_MAX);
    for (size_t i = 0; i < p.count; i++) {
        ov_str at, joined;
        require(parts_join(j, ov_str_of(p.messages[i].subject), p.messages[i].data, &at, &joined, NULL) == OV_OK);
        require((joined.ptr != NULL) == (i + 1 == p.count));
        if (joined.ptr) require(ov_str_eq(joined, body) && ov_str_eq(at, ov_str_of(subject)));
    }
    parts_joiner_free(j);
}

/* Each two bytes choose a part's number and length; what follows are its bytes. */
static void join_foreign(ov_str rest)
{
    parts_joiner *j = parts_joiner_new(BODY_MAX, PENDING_MAX);
    while (rest.len > 2) {
        unsigned number = (unsigned char)rest.ptr[0] % 8;
        size_t len = (unsigned char)rest.ptr[1];
        ov_str data = ov_str_sub(rest, 2, 2 + len), at, joined;
        OV_CLEANUP(ov_buf_clear) ov_buf to = OV_BUF(SUBJECT_MAX);
        ov_buf_append_c(&to, subject);
        if (number) ov_buf_printf(&to, ".0123456789abcdef.%u", number - 1);
        (void)!parts_join(j, ov_buf_str(&to), data, &at, &joined, NULL);
        rest = ov_str_sub(rest, 2 + len, rest.len);
    }
    parts_joiner_reset(j);
    parts_joiner_free(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    ov_str body = {(const char *)data + 1, size - 1};
    cut_and_join(body, data[0] + 1u);
    join_foreign(body);
    return 0;
}
