/* The lists that one look fills: versions by the list that they belong to, bounded, their text in one arena. */
#ifndef OPVIC_FETCHER_VERSIONS_H
#define OPVIC_FETCHER_VERSIONS_H

#include "base/map.h"
#include "proto/job.h"
#include "proto/list.h"

/* Of all lists of one look together. */
enum { VERSIONS_MAX = 500000, VERSIONS_TEXT_MAX = 8 * 1024 * 1024 };

typedef struct {
    ov_str name;
    bool present;   /* upstream has such a list, though perhaps an empty one */
    bool truncated; /* a limit left versions of it out */
    list_version *versions;
    size_t count, cap;
} version_list;

typedef struct {
    version_list *lists; /* as the job wants them */
    size_t count;
    ov_map by_name;
    ov_json_arena arena;
    size_t versions, text; /* of all lists: how many, and their bytes */
} version_lists;

/* The job's lists, empty; one without a name when it names none. The job must outlive them. */
void version_lists_init(version_lists *v, const job *j);
void version_lists_clear(version_lists *v);
/* Forgets the versions: the look begins anew. */
void version_lists_reset(version_lists *v);
/* The wanted list of that name, or NULL. */
version_list *version_lists_find(const version_lists *v, ov_str name);
/* Copies the text. Versions longer than LIST_VERSION_BYTES_MAX are left out, and empty ones but a cycle's; too long an
 * appVersion or cycle alone is. Above LIST_VERSIONS_MAX and the limits here a version is left out and its list is
 * truncated. */
void version_lists_add(version_lists *v, version_list *to, const list_version *version);
/* Pages were left out: every list may lack versions. */
void version_lists_truncate(version_lists *v);

#endif
