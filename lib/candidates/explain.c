/* Says in words what the filters dropped, the same wherever a rule is explained. */
#include "candidates/candidates.h"
#include "json/writer.h"
#include "base/poison.h"

void ov_candidates_write_dropped(const ov_candidates *c, ov_buf *out)
{
    const char *separator = "";
    for (ov_filter f = 0; f < OV_FILTERS; f++) {
        if (!c->dropped[f].count) continue;
        ov_buf_printf(out, "%s%zu %s (", separator, c->dropped[f].count, ov_filter_name(f));
        ov_json_quote(out, ov_str_of(c->dropped[f].example));
        ov_buf_append_char(out, ')');
        separator = ", ";
    }
}

static void explain_overwork(const ov_candidates *c, ov_buf *out)
{
    ov_buf_append_c(out, "the pattern takes too much work");
    if (c->dropped[OV_FILTER_TOO_MUCH_WORK].count) {
        ov_buf_append_c(out, ", on ");
        ov_json_quote(out, ov_str_of(c->dropped[OV_FILTER_TOO_MUCH_WORK].example));
    }
    ov_buf_printf(out, ": given up after %zu of %zu versions", c->looked, c->total);
}

void ov_candidates_explain(const ov_candidates *c, ov_buf *out)
{
    if (c->overworks) {
        explain_overwork(c, out);
    } else if (!c->total) {
        ov_buf_append_c(out, "the list is empty");
    } else {
        ov_buf_append_c(out, "nothing passes: ");
        ov_candidates_write_dropped(c, out);
    }
}
