/* A file of credentials that is read again when it changed. */
#ifndef OPVIC_FETCHER_CREDENTIALS_FILE_H
#define OPVIC_FETCHER_CREDENTIALS_FILE_H

#include <sys/types.h>
#include <time.h>

#include "services/fetcher/credentials_entry.h"

enum { CREDENTIALS_FILE_MAX = 1024 * 1024 };

typedef struct {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
} credentials_stamp;

/* Used by one thread at a time. Zero: there is none, and nothing is found in it. */
typedef struct {
    const char *setting; /* static, begins messages: "--fetch.netrc" */
    char *path;
    ov_status (*parse)(ov_str text, credential_list *out, ov_err *err);
    credentials_stamp read; /* what was read last, good or bad */
    bool absent;
    credential_list list;
} credentials_file;

/* Reads it for the first time; path is copied. OV_INVALID names setting, file, entry and what was expected. */
OV_MUST_CHECK ov_status credentials_file_open(credentials_file *f, const char *setting, const char *path,
                                              ov_status (*parse)(ov_str, credential_list *, ov_err *), ov_err *err);
/* Reads it again when it changed. One that cannot be read or is wrong is told in the log once, and what it held before
 * stays. */
void credentials_file_refresh(credentials_file *f);
void credentials_file_clear(credentials_file *f);

#endif
