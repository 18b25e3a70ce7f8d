/* Two times that must not be mixed: wall time for people and headers, monotonic time for waiting. */
#ifndef OV_BASE_CLOCK_H
#define OV_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

typedef struct {
    int64_t ms;
} ov_wall; /* since 1970-01-01T00:00:00Z */
typedef struct {
    int64_t ms;
} ov_mono; /* since an arbitrary start; never goes back */

ov_wall ov_wall_now(void);
ov_mono ov_mono_now(void);
static inline ov_mono ov_mono_after(ov_mono t, int64_t ms)
{
    return (ov_mono){t.ms + ms};
}
static inline int64_t ov_mono_since(ov_mono now, ov_mono then)
{
    return now.ms - then.ms;
}

/* RFC 3339 in UTC with milliseconds, "2026-01-02T03:04:05.678Z"; out holds at least OV_WALL_TEXT bytes. */
#define OV_WALL_TEXT 32
void ov_wall_format(ov_wall t, char out[OV_WALL_TEXT]);
/* RFC 3339 with Z or an offset, fraction optional. OV_INVALID names the text. */
OV_MUST_CHECK ov_status ov_wall_parse(ov_str text, ov_wall *ret, ov_err *err);

/* Go's duration text: "1h", "1m30s", "500ms", "1.5h", "0"; no sign. OV_INVALID names the text. */
OV_MUST_CHECK ov_status ov_duration_parse(ov_str text, int64_t *ret_ms, ov_err *err);
/* The shortest such text ("1h30m0s" as Go prints it). */
void ov_duration_format(int64_t ms, char out[OV_WALL_TEXT]);

#endif
