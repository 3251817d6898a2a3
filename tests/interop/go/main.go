// Command driver obeys requests on standard input with the official Go client and answers on standard output.
// The verbs and their fields are listed in README.md; the Java and Python drivers speak the same.
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/apache/rocketmq-client-go/v2/rlog"
)

func main() {
	rlog.SetLogLevel("warn")
	if err := rlog.SetOutputPath(os.Getenv("INTEROP_LOG")); err != nil {
		panic(err)
	}
	namesrv := os.Args[1]
	producing := newProducing(namesrv)
	consuming := newConsuming(namesrv)
	emit(fields{"ready": true})
	requests := bufio.NewScanner(os.Stdin)
	for requests.Scan() {
		request, err := parseLine(requests.Text())
		if err != nil {
			panic(err)
		}
		if request.verb == "quit" {
			consuming.stopAll()
			producing.stopAll()
			request.reply(fields{})
			return
		}
		go obey(request, producing, consuming)
	}
}

func obey(request line, producing *producing, consuming *consuming) {
	var answer fields
	var err error
	switch request.verb {
	case "send":
		answer, err = producing.send(request)
	case "consume":
		answer, err = consuming.start(request)
	case "stop":
		answer, err = consuming.stop(request)
	case "pull":
		answer, err = pull(consuming.namesrv, request)
	case "lite_pull":
		answer, err = litePull(consuming.namesrv, request)
	default:
		err = fmt.Errorf("unknown verb %s", request.verb)
	}
	if err != nil {
		answer = describeError(err)
	}
	request.reply(answer)
}
