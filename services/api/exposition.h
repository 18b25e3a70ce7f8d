/* Exposition: /metrics of a view, family by family, plain or as one gzip member of joined fragments. */
#ifndef OPVIC_API_EXPOSITION_H
#define OPVIC_API_EXPOSITION_H

#include "services/api/reply.h"

/* own: the process's families, whole; copied. Take over the view's reference. */
reply *exposition_plain(view *v, ov_str own);
reply *exposition_gzip(view *v, ov_str own);

#endif
