/* Reads this process's age, memory and processor time from the kernel. */
#include "metrics/process.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "base/poison.h"

enum { PROC_BYTES = 1024, STAT_START_FIELD = 19 /* proc(5) calls it the 22nd, and three stand before our count */ };

static double clock_seconds(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) != 0) return 0;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static ov_str read_proc(const char *path, char out[PROC_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return (ov_str){0};
    ssize_t n = read(fd, out, PROC_BYTES);
    close(fd);
    return (ov_str){.ptr = out, .len = n > 0 ? (size_t)n : 0};
}

static bool field_number(ov_str text, unsigned field, uint64_t *ret)
{
    ov_str part = {0};
    for (unsigned i = 0; i <= field; i++)
        if (!ov_str_split(&text, ' ', &part)) return false;
    return ov_str_to_u64(part, ret);
}

double ov_process_start_seconds(void)
{
    char bytes[PROC_BYTES];
    ov_str stat = read_proc("/proc/self/stat", bytes);
    size_t name_end = stat.len; /* the program's name may hold spaces and parentheses */
    while (name_end > 0 && stat.ptr[name_end - 1] != ')') name_end--;
    uint64_t ticks;
    double now = clock_seconds(CLOCK_REALTIME);
    if (!field_number(ov_str_sub(stat, name_end + 1, stat.len), STAT_START_FIELD, &ticks)) return now;
    double age = clock_seconds(CLOCK_BOOTTIME) - (double)ticks / (double)sysconf(_SC_CLK_TCK);
    return now - (age > 0 ? age : 0);
}

double ov_process_resident_bytes(void)
{
    char bytes[PROC_BYTES];
    uint64_t pages;
    if (!field_number(read_proc("/proc/self/statm", bytes), 1, &pages)) return 0;
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

double ov_process_cpu_seconds(void)
{
    return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}
