/* What the kernel knows about this process. */
#ifndef OV_METRICS_PROCESS_H
#define OV_METRICS_PROCESS_H

/* Seconds since 1970; the time of the call where /proc cannot be read. */
double ov_process_start_seconds(void);
double ov_process_resident_bytes(void); /* 0 where /proc cannot be read */
double ov_process_cpu_seconds(void);

#endif
