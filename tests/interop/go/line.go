package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
)

type fields map[string]any

// line is one request: "id verb key=value&key=value".
type line struct {
	id, verb string
	values   url.Values
}

var output sync.Mutex

func parseLine(text string) (line, error) {
	parts := strings.SplitN(text, " ", 3)
	if len(parts) < 2 {
		return line{}, fmt.Errorf("not a request: %q", text)
	}
	values := url.Values{}
	if len(parts) == 3 {
		parsed, err := url.ParseQuery(parts[2])
		if err != nil {
			return line{}, err
		}
		values = parsed
	}
	return line{id: parts[0], verb: parts[1], values: values}, nil
}

func (l line) text(key, otherwise string) string {
	if l.values.Has(key) {
		return l.values.Get(key)
	}
	return otherwise
}

func (l line) number(key string, otherwise int) int {
	if number, err := strconv.Atoi(l.values.Get(key)); err == nil {
		return number
	}
	return otherwise
}

func (l line) reply(answer fields) {
	answer["reply"] = l.id
	emit(answer)
}

func emit(answer fields) {
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	os.Stdout.Write(append(text, '\n'))
}
