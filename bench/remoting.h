/* What the load generators share: time, bytes in network order, and frames of the RocketMQ remoting protocol. */
#ifndef REMOTING_H
#define REMOTING_H
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int binary_header = 0;

static inline double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static inline long long wall_ms(void) { struct timespec t; clock_gettime(CLOCK_REALTIME, &t); return t.tv_sec * 1000LL + t.tv_nsec / 1000000; }
static inline void p32(unsigned char *p, unsigned v) { p[0] = v >> 24; p[1] = v >> 16; p[2] = v >> 8; p[3] = v; }
static inline void p16(unsigned char *p, unsigned v) { p[0] = v >> 8; p[1] = v; }
static inline unsigned g32(const unsigned char *p) { return (unsigned)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
static inline unsigned g16(const unsigned char *p) { return (unsigned)p[0] << 8 | p[1]; }
static inline unsigned long long g64(const unsigned char *p) { return (unsigned long long)g32(p) << 32 | g32(p + 4); }

typedef struct { const char *k, *v; } Field;

/* header of either serialization into p; returns its length */
static inline size_t header(unsigned char *p, int code, unsigned opaque, const Field *f, int n) {
  if (!binary_header) {
    char *q = (char *)p;
    q += sprintf(q, "{\"code\":%d,\"extFields\":{", code);
    for (int i = 0; i < n; i++) {
      q += sprintf(q, "%s\"%s\":\"", i ? "," : "", f[i].k);
      for (const char *s = f[i].v; *s; s++) { if ((unsigned char)*s < 32) q += sprintf(q, "\\u%04x", *s); else *q++ = *s; }
      *q++ = '"';
    }
    q += sprintf(q, "},\"flag\":0,\"language\":\"JAVA\",\"opaque\":%u,\"serializeTypeCurrentRPC\":\"JSON\",\"version\":401}", opaque);
    return q - (char *)p;
  }
  unsigned char *q = p;
  p16(q, code); q[2] = 0; p16(q + 3, 401); p32(q + 5, opaque); p32(q + 9, 0); p32(q + 13, 0); q += 17;
  unsigned char *ext = q; q += 4;
  for (int i = 0; i < n; i++) {
    size_t kl = strlen(f[i].k), vl = strlen(f[i].v);
    p16(q, kl); memcpy(q + 2, f[i].k, kl); q += 2 + kl;
    p32(q, vl); memcpy(q + 4, f[i].v, vl); q += 4 + vl;
  }
  p32(ext, q - ext - 4);
  return q - p;
}

static inline size_t frame(unsigned char *p, int code, unsigned opaque, const Field *f, int n, const void *b, size_t bl) {
  size_t hl = header(p + 8, code, opaque, f, n);
  p32(p, 4 + hl + bl); p32(p + 4, hl | (binary_header ? 1u << 24 : 0));
  if (bl) memcpy(p + 8 + hl, b, bl);
  return 8 + hl + bl;
}

static inline int reply_code(const unsigned char *p) { /* p: at the header-length word */
  unsigned w = g32(p), hl = w & 0xffffff;
  if (w >> 24 == 1) return (short)(p[4] << 8 | p[5]);
  const unsigned char *c = memmem(p + 4, hl, "\"code\":", 7);
  return c ? atoi((const char *)c + 7) : -1;
}

/* a connection that does not wait, or -1 */
static inline int connect_to(const char *host, int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  inet_pton(AF_INET, host, &a.sin_addr);
  if (fd < 0 || connect(fd, (void *)&a, sizeof a)) return -1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static inline int by_size(const void *a, const void *b) { float x = *(float *)a, y = *(float *)b; return x < y ? -1 : x > y; }
#endif
