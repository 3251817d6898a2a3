/* consumeload: consumers that speak the RocketMQ remoting protocol straight to one broker, as mqload does for senders.
 *
 * It looks at every reply and every message: what is not expected ends it with a line on standard error and exit status 1.
 *
 *   cc -O2 -o consumeload consumeload.c
 *   ./consumeload -p 10911 -m wake  -r 1000 -t 5            one sender at a steady rate, one puller that waits
 *   ./consumeload -p 10911 -m pop   -c 8 -n 32 -g G -t 5    POP_MESSAGE, and an ACK_MESSAGE for each message
 *   ./consumeload -p 10911 -m pop   -a single ...           as above, each when the one before it has been answered
 *   ./consumeload -p 10911 -m pop   -a batch ...            as above, with one BATCH_ACK_MESSAGE for each pop
 *   ./consumeload -p 10911 -m scan  -c 4 -e tag -g G -t 5   pulls of one tag of ten from messages of mqload -m batch -V
 *   ./consumeload -p 10911 -m scan  -c 4 -e sql -g G -t 5   pulls of one in ten by an expression of two conditions
 *   ./consumeload -p 10911 -m crowd -c 10000 -G 1000 -P 1 -i 30 -t 30
 *                                                           consumers in groups, with heartbeats and parked pulls
 *
 * -c connections, -T topic, -g group, -q queues, -t seconds, -b body bytes, -B broker name. Prints a line of JSON; a crowd
 * prints one when all are there, one after -t seconds, and one when each parked pull has got a message.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

#include "remoting.h"

enum { PULL_MESSAGE = 11, HEART_BEAT = 34, UPDATE_AND_CREATE_TOPIC = 17, NOTIFY_CONSUMER_IDS_CHANGED = 40, SEND_MESSAGE_V2 = 310 };
enum { POP_MESSAGE = 200050, ACK_MESSAGE = 200051, BATCH_ACK_MESSAGE = 200151 };
enum { SUCCESS = 0, PULL_NOT_FOUND = 19, PULL_RETRY_IMMEDIATELY = 20, POLLING_TIMEOUT = 210 };
enum { TOGETHER, ONE_BY_ONE, IN_BATCHES };
#define QUEUES_MAX 64
#define IN_HANDS_MAX 96         /* DefaultMQPushConsumer.popThresholdForQueue */
#define DRAIN_SECONDS 20.0
#define SUSPEND_MS 15000        /* DefaultMQPullConsumerImpl.brokerSuspendMaxTimeMillis */
#define SUSPEND "15000"

typedef struct { int queue; long long offset; char handle[192]; } Unacked;

typedef struct Conn {
  int fd, number, queue, popping, acks_out, parked;
  long long offset, seen;       /* of the queue that is scanned: the next place, and what came since its beginning */
  Unacked *unacked;             /* popped, and to be acknowledged one after the other: a ring */
  int first_unacked, unacked_count;
  double heard_at;              /* when the last heartbeat was answered, 0 while one is on its way */
  unsigned char *in, *out;
  size_t in_len, in_cap, out_len, out_pos, out_cap;
} Conn;

typedef struct { int code; unsigned flag, opaque; const char *head; size_t head_len; const unsigned char *body; size_t body_len; } Reply;
typedef struct { int queue; long long offset; const unsigned char *body, *props; unsigned body_len, props_len; } Message;

static const char *host = "127.0.0.1", *topic = "BenchmarkTest", *group = "consumeload", *broker = "broker-a";
static int port = 10911, conns = 1, queues = 4, body = 128, batch = 32, acks = TOGETHER, is_sql = 0, groups = 1000, pulls = 0;
static double seconds = 5, interval = 30;
static long rate = 1000;
static unsigned long seq = 1;
static int ep;
static void (*on_reply)(Conn *, const Reply *);

static void die(const char *format, ...) {
  va_list a; va_start(a, format);
  fprintf(stderr, "consumeload: "); vfprintf(stderr, format, a); fprintf(stderr, "\n");
  exit(1);
}

/* -------------------------------------------------------------------------------------------------- connections */

static Conn *join(int number) {
  Conn *c = calloc(1, sizeof *c);
  c->number = number;
  c->fd = connect_to(host, port);
  if (c->fd < 0) die("connection %d: %s", number, strerror(errno));
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
  if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e)) die("epoll: %s", strerror(errno));
  return c;
}

static void flush_out(Conn *c) {
  while (c->out_pos < c->out_len) {
    ssize_t w = write(c->fd, c->out + c->out_pos, c->out_len - c->out_pos);
    if (w < 0) { if (errno == EAGAIN) return; die("write: %s", strerror(errno)); }
    c->out_pos += w;
  }
  c->out_pos = c->out_len = 0;
}

static void ask(Conn *c, int code, unsigned opaque, const Field *f, int n, const void *b, size_t bl) {
  size_t need = c->out_len + bl + 4096;
  if (need > c->out_cap) c->out = realloc(c->out, c->out_cap = need * 2);
  c->out_len += frame(c->out + c->out_len, code, opaque, f, n, b, bl);
}

/* what stands behind "name": in the header, without quotes, cut at size; 0 if it is not there */
static int header_word(const Reply *r, const char *name, char *to, size_t size) {
  char key[64]; int kl = snprintf(key, sizeof key, "\"%s\":", name);
  const char *p = memmem(r->head, r->head_len, key, kl), *end = r->head + r->head_len;
  if (!p) return 0;
  p += kl;
  char close = *p == '"' ? *p++ : ',';
  size_t n = 0;
  while (p < end && *p != close && *p != '}' && n + 1 < size) to[n++] = *p++;
  to[n] = 0;
  return 1;
}

static long long header_number(const Reply *r, const char *name) {
  char word[32];
  if (!header_word(r, name, word, sizeof word)) die("a reply of code %d without %s: %.*s", r->code, name, (int)r->head_len, r->head);
  return atoll(word);
}

static void expect(const Reply *r, const char *what, int code) {
  if (r->code != code) die("%s was answered by code %d, not %d: %.*s", what, r->code, code, (int)r->head_len, r->head);
}

static void take_frame(Conn *c, const unsigned char *p, unsigned len) {
  unsigned w = g32(p), hl = w & 0xffffff;
  char word[16];
  if (w >> 24) die("a header that is no JSON");
  Reply r = {.head = (const char *)p + 4, .head_len = hl, .body = p + 4 + hl, .body_len = len - 4 - hl};
  r.code = reply_code(p);
  r.opaque = header_number(&r, "opaque");
  r.flag = header_word(&r, "flag", word, sizeof word) ? atoi(word) : 0;
  on_reply(c, &r);
}

/* everything that is ready: reads, hands over replies, writes what those made */
static void turn(int timeout_ms) {
  static struct epoll_event ev[1024];
  int n = epoll_wait(ep, ev, 1024, timeout_ms);
  for (int k = 0; k < n; k++) {
    Conn *c = ev[k].data.ptr;
    if (!c) continue;           /* the timer */
    for (;;) {
      if (c->in_cap - c->in_len < 2048) c->in = realloc(c->in, c->in_cap = c->in_cap ? c->in_cap * 2 : 4096);
      ssize_t r = read(c->fd, c->in + c->in_len, c->in_cap - c->in_len);
      if (r == 0) die("connection %d was closed by the broker", c->number);
      if (r < 0) { if (errno == EAGAIN) break; die("read: %s", strerror(errno)); }
      c->in_len += r;
      size_t p = 0;
      while (c->in_len - p >= 4) {
        unsigned l = g32(c->in + p);
        if (c->in_len - p - 4 < l) break;
        take_frame(c, c->in + p + 4, l);
        p += 4 + l;
      }
      memmove(c->in, c->in + p, c->in_len - p); c->in_len -= p;
    }
    flush_out(c);
  }
}

/* ----------------------------------------------------------------------------------------------------- messages */

/* the record at *p, which moves behind it; dies if it is none */
static Message next_message(const unsigned char **p, const unsigned char *end) {
  const unsigned char *r = *p;
  unsigned size = end - r >= 91 ? g32(r) : 0;
  if (size < 91 || size > end - r || g32(r + 4) != 0xDAA320A7u) die("no message where one should be, %ld bytes left", (long)(end - r));
  if (g32(r + 36) & 0x30) die("a message with addresses of IPv6");
  Message m = {.queue = g32(r + 12), .offset = g64(r + 20), .body_len = g32(r + 84), .body = r + 88};
  const unsigned char *t = m.body + m.body_len;
  if (t[0] != strlen(topic) || memcmp(t + 1, topic, t[0])) die("a message of topic %.*s", t[0], t + 1);
  m.props = t + 1 + t[0] + 2; m.props_len = g16(t + 1 + t[0]);
  if (m.props + m.props_len != r + size) die("a message whose parts do not add up");
  *p = r + size;
  return m;
}

static void expect_xs(const Message *m) {
  static unsigned char *xs;
  if (!xs) { xs = malloc(body); memset(xs, 'x', body); }
  if ((int)m->body_len != body || memcmp(m->body, xs, body)) die("the body of offset %lld of queue %d is not what was sent", m->offset, m->queue);
}

/* the value of a property, or 0 */
static const char *property(const Message *m, const char *name, size_t *len) {
  const char *p = (const char *)m->props, *end = p + m->props_len;
  size_t nl = strlen(name);
  while (p < end) {
    const char *stop = memchr(p, 2, end - p), *mid;
    if (!stop) stop = end;
    mid = memchr(p, 1, stop - p);
    if (mid && (size_t)(mid - p) == nl && !memcmp(p, name, nl)) { *len = stop - mid - 1; return mid + 1; }
    p = stop + 1;
  }
  return 0;
}

static int is_wanted(const Message *m) {
  size_t l, k;
  if (!is_sql) { const char *tag = property(m, "TAGS", &l); return tag && l == 4 && !memcmp(tag, "Tag3", 4); }
  const char *amount = property(m, "amount", &l), *region = property(m, "region", &k);
  return amount && region && atoi(amount) >= 90 && k == 2 && !memcmp(region, "eu", 2);
}

/* ----------------------------------------------------------------------------------------------------- requests */

static void ask_pull(Conn *c, unsigned opaque, const char *of, const char *by, int queue, long long offset, const char *sys_flag, const char *suspend_ms, const char *version) {
  char q[16], off[24]; sprintf(q, "%d", queue); sprintf(off, "%lld", offset);
  Field f[] = {{"consumerGroup", by}, {"topic", of}, {"queueId", q}, {"queueOffset", off}, {"maxMsgNums", "32"}, {"sysFlag", sys_flag},
               {"commitOffset", "0"}, {"suspendTimeoutMillis", suspend_ms}, {"subscription", "*"}, {"subVersion", version}, {"expressionType", "TAG"}};
  ask(c, PULL_MESSAGE, opaque, f, 11, 0, 0);
}

static void ask_send(Conn *c, unsigned opaque, const char *to, int queue, int topic_queues, const void *b, size_t bl) {
  char q[16], n[16], born[24]; sprintf(q, "%d", queue); sprintf(n, "%d", topic_queues); sprintf(born, "%lld", wall_ms());
  Field f[] = {{"a", "benchmark_producer"}, {"b", to}, {"c", "TBW102"}, {"d", n}, {"e", q}, {"f", "0"}, {"g", born}, {"h", "0"},
               {"i", "WAIT\001true\002TAGS\001TagA"}, {"j", "0"}, {"k", "false"}, {"m", "false"}};
  ask(c, SEND_MESSAGE_V2, opaque, f, 12, b, bl);
}

static void ask_topic(Conn *c, unsigned opaque, const char *name) {
  char n[16]; sprintf(n, "%d", queues);
  Field f[] = {{"topic", name}, {"defaultTopic", "TBW102"}, {"readQueueNums", n}, {"writeQueueNums", n}, {"perm", "6"},
               {"topicFilterType", "SINGLE_TAG"}, {"topicSysFlag", "0"}, {"order", "false"}};
  ask(c, UPDATE_AND_CREATE_TOPIC, opaque, f, 8, 0, 0);
}

/* as DefaultMQPushConsumer sends it: the topic and the group's retry topic */
static void ask_heartbeat(Conn *c, unsigned opaque, const char *of, const char *by, const char *type, const char *expression, const char *tags, const char *codes) {
  char b[2048];
  int n = snprintf(b, sizeof b,
    "{\"clientID\":\"127.0.0.1@%d#%d\",\"consumerDataSet\":[{\"consumeFromWhere\":\"CONSUME_FROM_LAST_OFFSET\",\"consumeType\":"
    "\"CONSUME_PASSIVELY\",\"groupName\":\"%s\",\"messageModel\":\"CLUSTERING\",\"subscriptionDataSet\":[{\"classFilterMode\":false,"
    "\"codeSet\":[%s],\"expressionType\":\"%s\",\"subString\":\"%s\",\"subVersion\":1700000000000,\"tagsSet\":[%s],\"topic\":\"%s\"},"
    "{\"classFilterMode\":false,\"codeSet\":[],\"expressionType\":\"TAG\",\"subString\":\"*\",\"subVersion\":1700000000001,\"tagsSet\":[],"
    "\"topic\":\"%%RETRY%%%s\"}],\"unitMode\":false}],\"heartbeatFingerprint\":0,\"producerDataSet\":[{\"groupName\":"
    "\"CLIENT_INNER_PRODUCER\"}],\"withoutSub\":false}", (int)getpid(), c->number, by, codes, type, expression, tags, of, by);
  ask(c, HEART_BEAT, opaque, 0, 0, b, n);
}

/* ------------------------------------------------------------------------------------- wake: a puller that waits */

static struct {
  Conn *sender, *puller;
  long long next;               /* offset of the queue */
  long sent, acked, received, pulls, empty, early, count;
  double *due, *acked_at, *received_at;
} wake;

static void wake_pull(void) { ask_pull(wake.puller, seq++, topic, group, 0, wake.next, "6", SUSPEND, "0"); wake.pulls++; }

static void wake_reply(Conn *c, const Reply *r) {
  double at = now();
  if (c == wake.sender) {
    expect(r, "a send", SUCCESS);
    if (r->opaque == 0) wake.next = header_number(r, "queueOffset") + 1;
    else { wake.acked_at[r->opaque - 1] = at; wake.acked++; }
    return;
  }
  if (r->code == PULL_NOT_FOUND) { wake.empty++; wake_pull(); return; }
  expect(r, "a pull", SUCCESS);
  for (const unsigned char *p = r->body, *end = p + r->body_len; p < end;) {
    Message m = next_message(&p, end);
    if (m.offset != wake.next++) die("offset %lld came, not %lld", m.offset, wake.next - 1);
    unsigned long long id = m.body_len == (unsigned)body ? g64(m.body) : 0;
    if (id < 1 || id > (unsigned long long)wake.sent) die("message %llu came, of %ld that were sent", id, wake.sent);
    if (wake.received_at[id - 1]) die("message %llu came twice", id);
    wake.received_at[id - 1] = at; wake.received++;
  }
  wake_pull();
  flush_out(c);
}

static void percentiles(const char *name, float *us, long n) {
  qsort(us, n, sizeof *us, by_size);
  printf("\"%s_p50_us\": %.0f, \"%s_p99_us\": %.0f, \"%s_max_us\": %.0f", name, us[n / 2], name, us[(long)(n * .99)], name, us[n - 1]);
}

static void run_wake(void) {
  unsigned char *b = calloc(1, body < 8 ? body = 8 : body);
  wake.count = (long)(seconds * rate);
  wake.due = calloc(wake.count, sizeof(double)); wake.acked_at = calloc(wake.count, sizeof(double)); wake.received_at = calloc(wake.count, sizeof(double));
  on_reply = wake_reply;
  wake.sender = join(0); wake.puller = join(1);
  ask_send(wake.sender, 0, topic, 0, 1, b, body); flush_out(wake.sender);
  double limit = now() + DRAIN_SECONDS;
  while (!wake.next) { turn(100); if (now() > limit) die("the first send was not answered"); }
  wake_pull(); flush_out(wake.puller);
  double began = now() + 0.2;
  struct itimerspec every = {.it_interval.tv_nsec = 1000000000L / rate, .it_value.tv_sec = (time_t)began, .it_value.tv_nsec = (long)((began - (time_t)began) * 1e9)};
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = 0};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &every, 0); epoll_ctl(ep, EPOLL_CTL_ADD, timer, &e);
  while (wake.sent < wake.count) {
    unsigned long long expirations;
    turn(100);
    if (read(timer, &expirations, 8) != 8) continue;
    for (double at = now(); wake.sent < wake.count && began + (double)wake.sent / rate <= at; ) {
      wake.due[wake.sent] = began + (double)wake.sent / rate;
      wake.sent++;
      p32(b, 0); p32(b + 4, wake.sent);
      ask_send(wake.sender, wake.sent, topic, 0, 1, b, body);
    }
    flush_out(wake.sender);
  }
  for (limit = now() + DRAIN_SECONDS; wake.acked < wake.count || wake.received < wake.count; turn(100))
    if (now() > limit) die("of %ld messages %ld were acknowledged and %ld received", wake.count, wake.acked, wake.received);
  float *woken = malloc(wake.count * sizeof *woken), *whole = malloc(wake.count * sizeof *whole);
  for (long i = 0; i < wake.count; i++) {
    double took = wake.received_at[i] - wake.acked_at[i];
    if (took < 0) wake.early++;
    woken[i] = took < 0 ? 0 : took * 1e6; whole[i] = (wake.received_at[i] - wake.due[i]) * 1e6;
  }
  printf("{\"received\": %ld, \"pulls\": %ld, \"empty\": %ld, \"before_ack\": %ld, ", wake.received, wake.pulls, wake.empty, wake.early);
  percentiles("wake", woken, wake.count); printf(", "); percentiles("whole", whole, wake.count); printf("}\n");
}

/* ----------------------------------------------------------------------------------- pop: and acknowledge it all */

static struct { unsigned char *seen[QUEUES_MAX]; long long cap[QUEUES_MAX]; long pops, popped, acked, empty; int is_over; } pop;

enum { POP_OPAQUE = 1 };        /* others are acknowledgements; times two, and with how many they name in the low bits */

static void ask_pop(Conn *c) {
  char n[16], born[24]; sprintf(n, "%d", batch); sprintf(born, "%lld", wall_ms());
  Field f[] = {{"consumerGroup", group}, {"topic", topic}, {"queueId", "-1"}, {"maxMsgNums", n}, {"invisibleTime", "60000"}, {"pollTime", "15000"},
               {"bornTime", born}, {"initMode", "0"}, {"expType", "TAG"}, {"exp", "*"}, {"order", "false"}};
  ask(c, POP_MESSAGE, POP_OPAQUE, f, 11, 0, 0);
  c->popping = 1;
}

/* where the popped batch of a queue starts, from "0 queue offset;0 queue offset" */
static long long start_of(const char *starts, int queue) {
  for (const char *p = starts; p && *p; p = strchr(p, ';'), p = p ? p + 1 : p) {
    int q; long long at; char kind;
    if (sscanf(p, "%c %d %lld", &kind, &q, &at) == 3 && kind == '0' && q == queue) return at;
  }
  die("no start of queue %d in %s", queue, starts);
  return 0;
}

static void note_once(const Message *m) {
  if (m->queue < 0 || m->queue >= QUEUES_MAX || m->offset < 0) die("offset %lld of queue %d", m->offset, m->queue);
  if (m->offset >= pop.cap[m->queue]) {
    long long cap = (m->offset + 1) * 2;
    pop.seen[m->queue] = realloc(pop.seen[m->queue], cap);
    memset(pop.seen[m->queue] + pop.cap[m->queue], 0, cap - pop.cap[m->queue]);
    pop.cap[m->queue] = cap;
  }
  if (pop.seen[m->queue][m->offset]++) die("offset %lld of queue %d was popped twice", m->offset, m->queue);
}

static void ask_ack(Conn *c, int queue, long long offset, const char *handle) {
  char q[16], off[24], extra[256]; sprintf(q, "%d", queue); sprintf(off, "%lld", offset);
  snprintf(extra, sizeof extra, "%s %lld", handle, offset);
  Field f[] = {{"consumerGroup", group}, {"topic", topic}, {"queueId", q}, {"extraInfo", extra}, {"offset", off}};
  ask(c, ACK_MESSAGE, 2 * 64 + 1, f, 5, 0, 0);
}

static void ask_next_ack(Conn *c) {
  Unacked *u = &c->unacked[c->first_unacked];
  ask_ack(c, u->queue, u->offset, u->handle);
  c->first_unacked = (c->first_unacked + 1) % IN_HANDS_MAX; c->unacked_count--;
}

static size_t base64(const unsigned char *b, size_t n, char *to) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char *q = to;
  for (size_t i = 0; i < n; i += 3) {
    unsigned v = b[i] << 16 | (i + 1 < n ? b[i + 1] << 8 : 0) | (i + 2 < n ? b[i + 2] : 0);
    *q++ = letters[v >> 18]; *q++ = letters[v >> 12 & 63]; *q++ = i + 1 < n ? letters[v >> 6 & 63] : '='; *q++ = i + 2 < n ? letters[v & 63] : '=';
  }
  *q = 0;
  return q - to;
}

/* one acknowledgement of all; each queue's messages are those from `start` on whose bit is set */
static void ask_batch_ack(Conn *c, const Message *m, int count, const long long *starts, const char *pop_time, const char *invisible, const char *revive) {
  char b[16384]; int n = snprintf(b, sizeof b, "{\"acks\":[");
  for (int i = 0; i < count;) {
    int first = i; unsigned char bits[8] = {0}; char packed[16]; size_t bytes = 0;
    for (; i < count && m[i].queue == m[first].queue; i++) {
      long long at = m[i].offset - starts[first];
      if (at < 0 || at >= 64) die("offset %lld in a batch from %lld on", m[i].offset, starts[first]);
      bits[at / 8] |= 1 << at % 8;
      if ((size_t)at / 8 + 1 > bytes) bytes = at / 8 + 1;
    }
    base64(bits, bytes, packed);
    n += snprintf(b + n, sizeof b - n, "%s{\"b\":\"%s\",\"c\":\"%s\",\"it\":%s,\"pt\":%s,\"q\":%d,\"r\":\"0\",\"rq\":%s,\"so\":%lld,\"t\":\"%s\"}",
                  first ? "," : "", packed, group, invisible, pop_time, m[first].queue, revive, starts[first], topic);
  }
  n += snprintf(b + n, sizeof b - n, "],\"brokerName\":\"%s\"}", broker);
  ask(c, BATCH_ACK_MESSAGE, 2 * 64 + count, 0, 0, b, n);
  c->acks_out += count;
}

static void pop_found(Conn *c, const Reply *r) {
  char starts_text[2048], pop_time[32], invisible[32], revive[16], handle[192];
  Message m[64]; long long starts[64]; int count = 0;
  if (!header_word(r, "startOffsetInfo", starts_text, sizeof starts_text) || !header_word(r, "popTime", pop_time, sizeof pop_time) ||
      !header_word(r, "invisibleTime", invisible, sizeof invisible) || !header_word(r, "reviveQid", revive, sizeof revive))
    die("a pop's reply without its words: %.*s", (int)r->head_len, r->head);
  for (const unsigned char *p = r->body, *end = p + r->body_len; p < end; count++) {
    if (count == batch) die("more than %d messages in one pop", batch);
    m[count] = next_message(&p, end);
    expect_xs(&m[count]); note_once(&m[count]);
    starts[count] = start_of(starts_text, m[count].queue);
  }
  if (!count) die("a pop that says it has found something brings nothing");
  pop.pops++; pop.popped += count;
  if (acks == IN_BATCHES) { ask_batch_ack(c, m, count, starts, pop_time, invisible, revive); return; }
  for (int i = 0; i < count; i++) {
    snprintf(handle, sizeof handle, "%lld %s %s %s 0 %s %d", starts[i], pop_time, invisible, revive, broker, m[i].queue);
    c->acks_out++;
    if (acks != ONE_BY_ONE) { ask_ack(c, m[i].queue, m[i].offset, handle); continue; }
    Unacked *u = &c->unacked[(c->first_unacked + c->unacked_count++) % IN_HANDS_MAX];
    u->queue = m[i].queue; u->offset = m[i].offset; memcpy(u->handle, handle, sizeof handle);
    if (c->acks_out == 1) ask_next_ack(c);
  }
}

static void pop_reply(Conn *c, const Reply *r) {
  if (r->opaque == POP_OPAQUE) {
    c->popping = 0;
    if (r->code == POLLING_TIMEOUT) pop.empty++;   /* a Java broker whose queues others of us are popping just now */
    else { expect(r, "a pop", SUCCESS); pop_found(c, r); }
  } else {
    expect(r, "an acknowledgement", SUCCESS);
    c->acks_out -= r->opaque - 2 * 64; pop.acked += r->opaque - 2 * 64;
    if (c->unacked_count) ask_next_ack(c);
  }
  if (!pop.is_over && !c->popping && c->acks_out <= IN_HANDS_MAX - batch) ask_pop(c);
}

static void run_pop(void) {
  on_reply = pop_reply;
  Conn **cs = calloc(conns, sizeof *cs);
  for (int i = 0; i < conns; i++) { cs[i] = join(i); cs[i]->unacked = calloc(IN_HANDS_MAX, sizeof *cs[i]->unacked); }
  double began = now();
  for (int i = 0; i < conns; i++) { ask_pop(cs[i]); flush_out(cs[i]); }
  while (now() < began + seconds) turn(100);
  double took = now() - began; long acked = pop.acked, popped = pop.popped;
  pop.is_over = 1;
  for (double limit = now() + DRAIN_SECONDS;; turn(100)) {
    int waiting = 0;
    for (int i = 0; i < conns; i++) waiting += cs[i]->popping + cs[i]->acks_out;
    if (!waiting) break;
    if (now() > limit) die("%d pops and acknowledgements were not answered", waiting);
  }
  if (pop.empty > pop.pops) die("%ld pops found nothing, and %ld something: too few messages", pop.empty, pop.pops);
  if (pop.acked != pop.popped) die("%ld messages were popped, but %ld acknowledged", pop.popped, pop.acked);
  printf("{\"acked_per_s\": %.0f, \"popped_per_s\": %.0f, \"pops\": %ld, \"empty_pops\": %ld, \"acked\": %ld}\n", acked / took, popped / took, pop.pops,
         pop.empty, pop.acked);
}

/* -------------------------------------------------------------------------------- scan: pulls that pass one in ten */

static struct { long long expected[QUEUES_MAX], total[QUEUES_MAX]; long scanned, delivered, replies, passes; int counting, is_registered; } scan;

static void scan_pull(Conn *c) {
  if (scan.counting) ask_pull(c, seq++, topic, "consumeload-count", c->queue, c->offset, "4", "0", "0");
  else ask_pull(c, seq++, topic, group, c->queue, c->offset, "0", "0", "1700000000000");
}

static void scan_registered(Conn *c, const Reply *r) { (void)c; if (r->flag & 1) { expect(r, "a heartbeat", SUCCESS); scan.is_registered = 1; } }

static void scan_end(Conn *c) {
  if (scan.counting) { scan.total[c->queue] = c->offset; scan.expected[c->queue] = c->seen; scan.counting--; return; }
  if (c->offset != scan.total[c->queue]) die("queue %d ended at %lld, not %lld", c->queue, c->offset, scan.total[c->queue]);
  if (c->seen != scan.expected[c->queue]) die("%lld messages of queue %d came, not %lld", c->seen, c->queue, scan.expected[c->queue]);
  scan.passes++;
  c->offset = c->seen = 0;
  scan_pull(c);
}

static void scan_reply(Conn *c, const Reply *r) {
  if (!(r->flag & 1)) return;   /* a notice that a consumer has come */
  if (r->code == PULL_NOT_FOUND) { scan_end(c); return; }
  if (r->code != PULL_RETRY_IMMEDIATELY) expect(r, "a pull", SUCCESS);
  long long next = header_number(r, "nextBeginOffset"), last = c->offset - 1;
  for (const unsigned char *p = r->body, *end = p + r->body_len; p < end;) {
    Message m = next_message(&p, end);
    expect_xs(&m);
    if (m.queue != c->queue || m.offset <= last || m.offset >= next) die("offset %lld of queue %d between %lld and %lld of queue %d", m.offset, m.queue, last, next, c->queue);
    last = m.offset;
    if (is_wanted(&m)) c->seen++;
    else if (!scan.counting) die("offset %lld of queue %d came, which the filter does not want", m.offset, m.queue);
    if (!scan.counting) scan.delivered++;
  }
  if (next <= c->offset) die("a pull from %lld on leads to %lld", c->offset, next);
  if (!scan.counting) { scan.scanned += next - c->offset; scan.replies++; }
  c->offset = next;
  scan_pull(c);
}

static void run_scan(void) {
  Conn *counter[QUEUES_MAX], **cs = calloc(conns, sizeof *cs);
  on_reply = scan_registered;
  for (int i = 0; i < conns; i++) { cs[i] = join(i); cs[i]->queue = i % queues; }
  if (is_sql) ask_heartbeat(cs[0], seq++, topic, group, "SQL92", "amount >= 90 AND region = 'eu'", "", "");
  else ask_heartbeat(cs[0], seq++, topic, group, "TAG", "Tag3", "\"Tag3\"", "2598905");  /* "Tag3".hashCode() */
  flush_out(cs[0]);
  double limit = now() + DRAIN_SECONDS;
  while (!scan.is_registered) { turn(100); if (now() > limit) die("the heartbeat was not answered"); }
  on_reply = scan_reply;
  scan.counting = queues;
  for (int i = 0; i < queues; i++) { counter[i] = join(i); counter[i]->queue = i; scan_pull(counter[i]); flush_out(counter[i]); }
  for (limit = now() + 60; scan.counting; turn(100)) if (now() > limit) die("the messages were not counted within 60 s");
  for (int i = 0; i < queues; i++) if (!scan.expected[i]) die("queue %d has nothing for the filter among %lld messages", i, scan.total[i]);
  double began = now();
  for (int i = 0; i < conns; i++) { scan_pull(cs[i]); flush_out(cs[i]); }
  while (now() < began + seconds) turn(100);
  double took = now() - began;
  if (!scan.passes) die("no queue was read to its end: nothing is known of what was missed");
  printf("{\"scanned_per_s\": %.0f, \"delivered_per_s\": %.0f, \"replies\": %ld, \"passes\": %ld}\n", scan.scanned / took, scan.delivered / took, scan.replies, scan.passes);
}

/* ------------------------------------------------------------------------------------- crowd: many that stay there */

#define TOPICS_OF_CROWD 100
static struct { Conn **cs; long heard, notices, answered, delivered, sent, parked; char topics[TOPICS_OF_CROWD][64]; int is_waking, is_over; } crowd;

/* opaques: 1 a heartbeat, 2 a topic or a send, from 16 on the pull with that number less 16 */
static void crowd_names(const Conn *c, char *by, const char **of) {
  int number = c->number % groups;
  sprintf(by, "crowd-group-%04d", number);
  *of = crowd.topics[number % TOPICS_OF_CROWD];
}

static int crowd_queue(const Conn *c, int pull) { return (c->number / groups + pull) % queues; }

static void crowd_pull(Conn *c, int pull) {
  char by[64]; const char *of; crowd_names(c, by, &of);
  int queue = crowd_queue(c, pull);
  ask_pull(c, 16 + pull, of, by, queue, 0, "2", SUSPEND, "1700000000000");
  c->parked++; crowd.parked++;
}

static void crowd_heartbeat(Conn *c) {
  char by[64]; const char *of; crowd_names(c, by, &of);
  if (!c->heard_at && c->number >= 0 && crowd.is_waking == 0 && crowd.heard >= conns) die("consumer %d has no answer to its heartbeat of %g s ago", c->number, interval);
  c->heard_at = 0;
  ask_heartbeat(c, 1, of, by, "TAG", "*", "", "");
}

static void crowd_reply(Conn *c, const Reply *r) {
  if (!(r->flag & 1)) {
    if (r->code != NOTIFY_CONSUMER_IDS_CHANGED) die("the broker asks with code %d", r->code);
    crowd.notices++;
    return;
  }
  if (r->opaque == 1) { expect(r, "a heartbeat", SUCCESS); c->heard_at = now(); crowd.heard++; return; }
  if (r->opaque == 2) { expect(r, "a topic or a send", SUCCESS); crowd.sent++; return; }
  if (r->opaque < 16) die("a reply to nothing: opaque %u", r->opaque);
  c->parked--; crowd.parked--;
  if (!crowd.is_waking || r->code != SUCCESS) {
    expect(r, "a parked pull", PULL_NOT_FOUND);
    crowd.answered++;
    crowd_pull(c, r->opaque - 16);
    return;
  }
  const unsigned char *p = r->body;
  char by[64]; crowd_names(c, by, &topic);
  Message m = next_message(&p, p + r->body_len);
  if (p != r->body + r->body_len || m.queue != crowd_queue(c, r->opaque - 16) || m.offset != 0) die("offset %lld of queue %d woke consumer %d", m.offset, m.queue, c->number);
  crowd.delivered++;
}

static void crowd_wait(long *reached, long wanted, const char *what) {
  for (double limit = now() + 120; *reached < wanted; turn(100)) if (now() > limit) die("%ld of %ld %s", *reached, wanted, what);
}

static void crowd_wake_all(Conn *sender) {
  double began = now();
  long sent = crowd.sent, all = crowd.parked;
  crowd.is_waking = 1;
  for (int t = 0; t < TOPICS_OF_CROWD; t++) {
    for (int q = 0; q < queues; q++) {
      ask_send(sender, 2, crowd.topics[t], q, queues, "a message", 9); flush_out(sender);
      crowd_wait(&crowd.sent, ++sent - 16, "messages were accepted"); /* a Java broker refuses more at a time */
    }
  }
  crowd_wait(&crowd.sent, sent, "messages were accepted");
  crowd_wait(&crowd.delivered, all, "parked pulls got the message");
  printf("{\"delivered\": %ld, \"seconds\": %.3f}\n", crowd.delivered, now() - began);
}

static void run_crowd(void) {
  on_reply = crowd_reply;
  crowd.cs = calloc(conns, sizeof *crowd.cs);
  Conn *sender = join(-1);
  for (int t = 0; t < TOPICS_OF_CROWD; t++) {
    sprintf(crowd.topics[t], "Crowd%02d", t);
    ask_topic(sender, 2, crowd.topics[t]); flush_out(sender);
  }
  crowd_wait(&crowd.sent, TOPICS_OF_CROWD, "topics were made");
  for (int i = 0; i < conns; i++) {
    crowd.cs[i] = join(i);
    crowd_heartbeat(crowd.cs[i]); flush_out(crowd.cs[i]);
    crowd_wait(&crowd.heard, i - 200, "heartbeats were answered");
  }
  crowd_wait(&crowd.heard, conns, "heartbeats were answered");
  double began = now();
  for (int i = 0; i < conns; i++) {
    for (int k = 0; k < pulls; k++) crowd_pull(crowd.cs[i], k);
    flush_out(crowd.cs[i]);
    /* spread, as their ends will be */
    while (pulls && now() < began + SUSPEND_MS / 1000.0 * i / conns) turn(1);
  }
  for (double quiet = now() + 3; now() < quiet; turn(100)) ;
  printf("{\"ready\": %d, \"parked\": %ld}\n", conns, crowd.parked); fflush(stdout);
  long heard = crowd.heard, notices = crowd.notices, answered = crowd.answered, beats = 0;
  double at;
  for (began = now(); (at = now() - began) < seconds; turn(5))
    for (; beats < at * conns / interval; beats++) { Conn *c = crowd.cs[beats % conns]; crowd_heartbeat(c); flush_out(c); }
  printf("{\"heartbeats\": %ld, \"notices\": %ld, \"pulls\": %ld}\n", crowd.heard - heard, crowd.notices - notices, crowd.answered - answered); fflush(stdout);
  crowd_wait(&crowd.heard, heard + beats, "heartbeats were answered");
  if (pulls) crowd_wake_all(sender);
}

int main(int argc, char **argv) {
  int o; const char *mode = "";
  while ((o = getopt(argc, argv, "h:p:m:c:t:T:g:q:b:B:n:a:e:r:G:P:i:")) != -1) switch (o) {
    case 'h': host = optarg; break;
    case 'p': port = atoi(optarg); break;
    case 'm': mode = optarg; break;
    case 'c': conns = atoi(optarg); break;
    case 't': seconds = atof(optarg); break;
    case 'T': topic = optarg; break;
    case 'g': group = optarg; break;
    case 'q': queues = atoi(optarg); break;
    case 'b': body = atoi(optarg); break;
    case 'B': broker = optarg; break;
    case 'n': batch = atoi(optarg); break;
    case 'a': acks = !strcmp(optarg, "batch") ? IN_BATCHES : !strcmp(optarg, "single") ? ONE_BY_ONE : TOGETHER; break;
    case 'e': is_sql = !strcmp(optarg, "sql"); break;
    case 'r': rate = atol(optarg); break;
    case 'G': groups = atoi(optarg); break;
    case 'P': pulls = atoi(optarg); break;
    case 'i': interval = atof(optarg); break;
    default: fprintf(stderr, "see the comment at the head of consumeload.c\n"); return 2;
  }
  if (batch < 1 || batch > 32 || queues < 1 || queues > QUEUES_MAX) die("at most 32 a pop and %d queues", QUEUES_MAX);
  struct rlimit files;
  if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < files.rlim_max) { files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files); }
  ep = epoll_create1(0);
  if (!strcmp(mode, "wake")) run_wake();
  else if (!strcmp(mode, "pop")) run_pop();
  else if (!strcmp(mode, "scan")) run_scan();
  else if (!strcmp(mode, "crowd")) run_crowd();
  else die("no mode %s", mode);
  return 0;
}
