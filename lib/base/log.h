/* One line an event, logfmt or JSON, to stderr: ts, level, msg, then keys and values. */
#ifndef OV_BASE_LOG_H
#define OV_BASE_LOG_H

#include <stdbool.h>

#include "base/status.h"

typedef enum { OV_LOG_DEBUG, OV_LOG_INFO, OV_LOG_WARN, OV_LOG_ERROR } ov_log_level;
typedef enum { OV_LOG_LOGFMT, OV_LOG_JSON } ov_log_format;

/* Before any thread starts. The defaults are info and logfmt. */
void ov_log_setup(const char *service, ov_log_level level, ov_log_format format);
bool ov_log_enabled(ov_log_level level);

/* msg is a constant sentence; then pairs (const char *key, const char *value) up to a NULL key. Values are escaped,
 * bounded (1 KiB each) and may be NULL (the pair is left out). One write(2) a line. */
void ov_log(ov_log_level level, const char *msg, ...) __attribute__((sentinel));
#define ov_log_debug(...) ov_log(OV_LOG_DEBUG, __VA_ARGS__, NULL)
#define ov_log_info(...) ov_log(OV_LOG_INFO, __VA_ARGS__, NULL)
#define ov_log_warn(...) ov_log(OV_LOG_WARN, __VA_ARGS__, NULL)
#define ov_log_error(...) ov_log(OV_LOG_ERROR, __VA_ARGS__, NULL)

/* Formats into a small per-call buffer for a log value: OV_FMT("%d", n). */
#define OV_FMT(...) (ov_log_fmt((char[64]){0}, 64, __VA_ARGS__))
const char *ov_log_fmt(char *out, unsigned long size, const char *fmt, ...) OV_PRINTF(3, 4);

#endif
