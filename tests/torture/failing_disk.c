/* Lets one call of the disk fail in a process that is started with this library in LD_PRELOAD.
 *
 *     POCKETMQ_FAIL_CALL   fdatasync, fsync or pwrite
 *     POCKETMQ_FAIL_PATH   a part of the file's path
 *     POCKETMQ_FAIL_NTH    which call on such a path fails, from 1; those before it reach the disk, those after it too
 *     POCKETMQ_FAIL_ERRNO  with which error
 *
 * Built by failing_disk.py: cc -shared -fPIC -O2 failing_disk.c -o failing_disk.so -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long calls;

static int fails(const char *call, int descriptor) {
    const char *wanted = getenv("POCKETMQ_FAIL_CALL"), *part = getenv("POCKETMQ_FAIL_PATH");
    const char *nth = getenv("POCKETMQ_FAIL_NTH"), *number = getenv("POCKETMQ_FAIL_ERRNO");
    char link[64], path[4096];
    if (!wanted || !part || !nth || !number || strcmp(wanted, call)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    if (!strstr(path, part)) return 0;
    if (atomic_fetch_add(&calls, 1) + 1 != atol(nth)) return 0;
    errno = atoi(number);
    return 1;
}

int fdatasync(int descriptor) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return fails("fdatasync", descriptor) ? -1 : real(descriptor);
}

int fsync(int descriptor) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return fails("fsync", descriptor) ? -1 : real(descriptor);
}

ssize_t pwrite64(int descriptor, const void *content, size_t size, off64_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    return fails("pwrite", descriptor) ? -1 : real(descriptor, content, size, offset);
}

ssize_t pwrite(int descriptor, const void *content, size_t size, off_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (!real) real = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    return fails("pwrite", descriptor) ? -1 : real(descriptor, content, size, offset);
}
