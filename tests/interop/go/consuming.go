package main

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// consuming keeps push consumers by name; each message handled becomes a line of output.
type consuming struct {
	namesrv   string
	lock      sync.Mutex
	consumers map[string]rocketmq.PushConsumer
}

func newConsuming(namesrv string) *consuming {
	return &consuming{namesrv: namesrv, consumers: map[string]rocketmq.PushConsumer{}}
}

func (c *consuming) start(request line) (fields, error) {
	name := request.text("name", "")
	mode := request.text("mode", "concurrent")
	options := []consumer.Option{
		consumer.WithNameServer(primitive.NamesrvAddr{c.namesrv}),
		consumer.WithGroupName(request.text("group", "")),
		consumer.WithInstance(name),
		consumer.WithConsumerOrder(mode == "orderly"),
		consumer.WithRebalanceLockInterval(time.Second),
	}
	if request.text("from", "first") == "first" {
		options = append(options, consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	}
	if mode == "broadcast" {
		options = append(options, consumer.WithConsumerModel(consumer.BroadCasting))
	}
	if times := request.number("max_reconsume", -1); times >= 0 {
		options = append(options, consumer.WithMaxReconsumeTimes(int32(times)))
	}
	started, err := rocketmq.NewPushConsumer(options...)
	if err != nil {
		return nil, err
	}
	err = started.Subscribe(request.text("topic", ""), byTags(request), handler(name, request))
	if err != nil {
		return nil, err
	}
	if err := started.Start(); err != nil {
		return nil, err
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	c.consumers[name] = started
	return fields{"started": name}, nil
}

func byTags(request line) consumer.MessageSelector {
	return consumer.MessageSelector{Type: consumer.TAG, Expression: request.text("tags", "*")}
}

func handler(name string, request line) func(context.Context, ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
	failing, fails := request.text("fail", ""), request.values.Has("fail")
	work := time.Duration(request.number("work_ms", 0)) * time.Millisecond
	return func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		result := consumer.ConsumeSuccess
		for _, message := range messages {
			began := time.Now().UnixMicro()
			time.Sleep(work)
			described := describe(message)
			described["consumer"] = name
			described["began_us"] = began
			described["ended_us"] = time.Now().UnixMicro()
			emit(described)
			if fails && strings.HasPrefix(string(message.Body), failing) {
				result = consumer.ConsumeRetryLater
			}
		}
		return result, nil
	}
}

func describe(message *primitive.MessageExt) fields {
	queue := -1
	if message.Queue != nil {
		queue = message.Queue.QueueId
	}
	return fields{
		"topic": message.Topic, "body": string(message.Body), "queue": queue, "offset": message.QueueOffset,
		"msg_id": message.MsgId, "offset_msg_id": message.OffsetMsgId, "tags": message.GetTags(),
		"keys": message.GetKeys(), "reconsume_times": message.ReconsumeTimes, "store_ms": message.StoreTimestamp,
		"properties": message.GetProperties(),
	}
}

func (c *consuming) stop(request line) (fields, error) {
	name := request.text("name", "")
	c.lock.Lock()
	started, ok := c.consumers[name]
	delete(c.consumers, name)
	c.lock.Unlock()
	if ok {
		if err := started.Shutdown(); err != nil {
			return nil, err
		}
	}
	return fields{"stopped": name}, nil
}

func (c *consuming) stopAll() {
	for _, started := range c.consumers {
		_ = started.Shutdown()
	}
}

func pullConsumer(namesrv, kind string, request line) (rocketmq.PullConsumer, error) {
	return rocketmq.NewPullConsumer(
		consumer.WithNameServer(primitive.NamesrvAddr{namesrv}),
		consumer.WithGroupName(request.text("group", "")),
		consumer.WithInstance(kind+"-"+request.id),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
		consumer.WithPullBatchSize(32),
	)
}

// pull reads every queue of the topic from its first to its last message and stores the offsets reached.
func pull(namesrv string, request line) (fields, error) {
	started, err := pullConsumer(namesrv, "pull", request)
	if err != nil {
		return nil, err
	}
	if err := started.Subscribe(request.text("topic", ""), byTags(request)); err != nil {
		return nil, err
	}
	if err := started.Start(); err != nil {
		return nil, err
	}
	defer started.Shutdown()
	messages, queues := []fields{}, []fields{}
	for _, text := range strings.Split(request.text("queues", ""), ",") {
		id, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		queue := &primitive.MessageQueue{
			Topic: request.text("topic", ""), BrokerName: request.text("broker", ""), QueueId: id,
		}
		stored, err := started.CurrentOffset(queue)
		if err != nil {
			return nil, err
		}
		offset := max(stored, 0)
		for {
			result, err := started.PullFrom(context.Background(), queue, offset, 32)
			if err != nil {
				return nil, err
			}
			offset = result.NextBeginOffset
			for _, message := range result.GetMessageExts() {
				messages = append(messages, describe(message))
			}
			if result.Status == primitive.PullNoNewMsg || offset >= result.MaxOffset {
				queues = append(queues, fields{
					"queue": id, "stored": stored, "offset": offset, "min": result.MinOffset, "max": result.MaxOffset,
				})
				break
			}
		}
		if err := started.UpdateOffset(queue, offset); err != nil {
			return nil, err
		}
	}
	if err := started.PersistOffset(context.Background(), request.text("topic", "")); err != nil {
		return nil, err
	}
	return fields{"messages": messages, "queues": queues}, nil
}

// litePull polls until count messages have come, acknowledges them and shuts down.
func litePull(namesrv string, request line) (fields, error) {
	started, err := pullConsumer(namesrv, "lite", request)
	if err != nil {
		return nil, err
	}
	if err := started.Subscribe(request.text("topic", ""), byTags(request)); err != nil {
		return nil, err
	}
	if err := started.Start(); err != nil {
		return nil, err
	}
	messages := []fields{}
	deadline := time.Now().Add(time.Duration(request.number("timeout_ms", 30_000)) * time.Millisecond)
	for len(messages) < request.number("count", 1) && time.Now().Before(deadline) {
		polled, err := started.Poll(context.Background(), 500*time.Millisecond)
		if errors.Is(err, consumer.ErrNoNewMsg) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, message := range polled.GetMsgList() {
			messages = append(messages, describe(message))
		}
		started.ACK(context.Background(), polled, consumer.ConsumeSuccess)
	}
	return fields{"messages": messages}, started.Shutdown()
}
