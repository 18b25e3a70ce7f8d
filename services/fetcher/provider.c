/* The table of providers. */
#include "services/fetcher/provider.h"

#include "base/poison.h"

const provider *const provider_table[] = {&provider_github, &provider_helm, NULL};

const provider *provider_find(ov_str name)
{
    for (const provider *const *p = provider_table; *p; p++)
        if (ov_str_eq(name, ov_str_of((*p)->name))) return *p;
    return NULL;
}
