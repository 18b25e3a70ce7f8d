/* Functions that have a bounded replacement here; using one does not compile. Included last, by every .c file. */
#ifndef OV_BASE_POISON_H
#define OV_BASE_POISON_H

#undef alloca /* a macro of stdlib.h */
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol gets alloca

#endif
