/* Makes sectors of one file unreadable, for every process that is started with it in LD_PRELOAD.
 *
 * BAD_FILE: the name that a path must end with. BAD_FROM: its bytes from there on give EIO.
 * BAD_TIMES: so many reads fail, then the sector is found after all; without it all do.
 * SLOW_MICROSECONDS: what each read of the file takes longer.
 * A mapping of the file dies there, as one of a scratched disc does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static int failed;

static int is_bad(int fd)
{
    const char *name = getenv("BAD_FILE");
    char link[64], path[PATH_MAX];
    if (!name)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < (ssize_t)strlen(name))
        return 0;
    path[length] = 0;
    return !strcmp(path + length - strlen(name), name);
}

static off_t first(void)
{
    const char *from = getenv("BAD_FROM");
    return from ? atoll(from) : 0;
}

static int refuses(int fd, size_t length, off_t offset)
{
    const char *slow = getenv("SLOW_MICROSECONDS");
    if (slow && is_bad(fd))
        usleep(atoi(slow));
    const char *times = getenv("BAD_TIMES");
    if (offset + (off_t)length <= first() || !is_bad(fd))
        return 0;
    return !times || failed++ < atoi(times);
}

#define PREAD(name)                                                                  \
    ssize_t name(int fd, void *to, size_t length, off_t offset)                      \
    {                                                                                \
        ssize_t (*real)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, #name);       \
        if (refuses(fd, length, offset)) {                                           \
            errno = EIO;                                                             \
            return -1;                                                               \
        }                                                                            \
        return real(fd, to, length, offset);                                         \
    }
PREAD(pread)
PREAD(pread64)

#define MMAP(name)                                                                   \
    void *name(void *at, size_t length, int access, int flags, int fd, off_t offset) \
    {                                                                                \
        void *(*real)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, #name); \
        void *mapped = real(at, length, access, flags, fd, offset);                  \
        if (mapped != MAP_FAILED && fd >= 0 && is_bad(fd) && length > 4096)          \
            mprotect((char *)mapped + length / 8192 * 4096, 4096, PROT_NONE);        \
        return mapped;                                                               \
    }
MMAP(mmap)
MMAP(mmap64)
