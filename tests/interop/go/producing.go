package main

import (
	"context"
	"fmt"
	"math/rand"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

var statusNames = map[primitive.SendStatus]string{
	primitive.SendOK:                "SEND_OK",
	primitive.SendFlushDiskTimeout:  "FLUSH_DISK_TIMEOUT",
	primitive.SendFlushSlaveTimeout: "FLUSH_SLAVE_TIMEOUT",
	primitive.SendSlaveNotAvailable: "SLAVE_NOT_AVAILABLE",
}

var codePattern = regexp.MustCompile(`CODE: (\d+)`)

// producing keeps one producer per group.
type producing struct {
	namesrv   string
	lock      sync.Mutex
	producers map[string]rocketmq.Producer
	closers   []func() error
}

func newProducing(namesrv string) *producing {
	return &producing{namesrv: namesrv, producers: map[string]rocketmq.Producer{}}
}

func (p *producing) stopAll() {
	for _, closeIt := range p.closers {
		_ = closeIt()
	}
}

func (p *producing) options(group string) []producer.Option {
	return []producer.Option{
		producer.WithNameServer(primitive.NamesrvAddr{p.namesrv}),
		producer.WithGroupName(group),
		producer.WithInstanceName(group),
		producer.WithSendMsgTimeout(10 * time.Second),
		producer.WithDefaultTopicQueueNums(8),
	}
}

func (p *producing) producer(request line) (rocketmq.Producer, error) {
	group := request.text("group", "interop_producer")
	sharded := request.values.Has("shards")
	name := fmt.Sprintf("%s-%t", group, sharded)
	p.lock.Lock()
	defer p.lock.Unlock()
	if known, ok := p.producers[name]; ok {
		return known, nil
	}
	options := p.options(group)
	if sharded {
		options = append(options, producer.WithInstanceName(name), producer.WithQueueSelector(byShard{}))
	}
	started, err := rocketmq.NewProducer(options...)
	if err != nil {
		return nil, err
	}
	if err := started.Start(); err != nil {
		return nil, err
	}
	p.producers[name] = started
	p.closers = append(p.closers, started.Shutdown)
	return started, nil
}

// byShard picks the queue whose position is the message's user property "shard".
type byShard struct{}

func (byShard) Select(message *primitive.Message, queues []*primitive.MessageQueue, _ string) *primitive.MessageQueue {
	shard, _ := strconv.Atoi(message.GetProperty("shard"))
	return queues[shard%len(queues)]
}

func (p *producing) send(request line) (fields, error) {
	started, err := p.producer(request)
	if err != nil {
		return nil, err
	}
	outcome := &outcomes{sent: []fields{}, failed: []fields{}}
	count := request.number("count", 1)
	switch mode := request.text("mode", "sync"); mode {
	case "batch":
		batch := make([]*primitive.Message, 0, count)
		for i := 0; i < count; i++ {
			batch = append(batch, message(request, i))
		}
		result, err := started.SendSync(context.Background(), batch...)
		outcome.add("", result, err)
	case "async":
		var answered sync.WaitGroup
		answered.Add(count)
		for i := 0; i < count; i++ {
			body := body(request, i)
			err := started.SendAsync(context.Background(), func(_ context.Context, result *primitive.SendResult, err error) {
				outcome.add(body, result, err)
				answered.Done()
			}, message(request, i))
			if err != nil {
				outcome.add(body, nil, err)
				answered.Done()
			}
		}
		answered.Wait()
	default:
		for i := 0; i < count; i++ {
			sendOne(started, request, i, mode, outcome)
			time.Sleep(time.Duration(request.number("pace_ms", 0)) * time.Millisecond)
		}
	}
	return fields{"sent": outcome.sent, "failed": outcome.failed}, nil
}

func sendOne(started rocketmq.Producer, request line, i int, mode string, outcome *outcomes) {
	for {
		var result *primitive.SendResult
		var err error
		if mode == "oneway" {
			err = started.SendOneWay(context.Background(), message(request, i))
		} else {
			result, err = started.SendSync(context.Background(), message(request, i))
		}
		if err == nil || !request.values.Has("until_acknowledged") {
			outcome.add(body(request, i), result, err)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

type outcomes struct {
	lock         sync.Mutex
	sent, failed []fields
}

func (o *outcomes) add(body string, result *primitive.SendResult, err error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	if err != nil {
		failure := describeError(err)
		failure["body"] = body
		o.failed = append(o.failed, failure)
		return
	}
	sent := fields{"body": body}
	if result != nil {
		sent["status"] = statusNames[result.Status]
		sent["msg_id"] = result.MsgID
		sent["offset_msg_id"] = result.OffsetMsgID
		sent["queue"] = result.MessageQueue.QueueId
		sent["offset"] = result.QueueOffset
	}
	o.sent = append(o.sent, sent)
}

func body(request line, i int) string {
	return fmt.Sprintf("%s-%d", request.text("body", ""), i)
}

func message(request line, i int) *primitive.Message {
	message := primitive.NewMessage(request.text("topic", ""), []byte(body(request, i)))
	if size := request.number("size", 0); size > 0 {
		message.Body = make([]byte, size)
		rand.New(rand.NewSource(int64(i))).Read(message.Body)
	}
	if tags := request.text("tags", ""); tags != "" {
		choices := strings.Split(tags, ",")
		message.WithTag(choices[i%len(choices)])
	}
	if key := request.text("key", ""); key != "" {
		message.WithKeys([]string{key})
	}
	if level := request.number("delay_level", 0); level > 0 {
		message.WithDelayTimeLevel(level)
	}
	if delay := request.text("delay_ms", ""); delay != "" {
		message.WithProperty("TIMER_DELAY_MS", delay)
	}
	if shards := request.number("shards", 0); shards > 0 {
		message.WithProperty("shard", strconv.Itoa(i%shards))
	}
	return message
}

func describeError(err error) fields {
	code := 0
	if found := codePattern.FindStringSubmatch(err.Error()); found != nil {
		code, _ = strconv.Atoi(found[1])
	}
	return fields{"error": err.Error(), "code": code}
}
