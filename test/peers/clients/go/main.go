// Exercises a NATS server with the official Go client; see ../README.md.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const patience = 20 * time.Second

type facts map[string]any

func say(value any) {
	line, err := json.Marshal(value)
	fail(err)
	fmt.Println(string(line))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func dial(more ...nats.Option) (*nats.Conn, error) {
	options := []nats.Option{nats.ReconnectWait(50 * time.Millisecond), nats.MaxReconnects(-1), nats.Timeout(patience)}
	if ca := os.Getenv("NATS_CA"); ca != "" {
		options = append(options, nats.RootCAs(ca))
	}
	if certificate := os.Getenv("NATS_CERT"); certificate != "" {
		options = append(options, nats.ClientCert(certificate, os.Getenv("NATS_KEY")))
	}
	if token := os.Getenv("NATS_TOKEN"); token != "" {
		options = append(options, nats.Token(token))
	}
	if user := os.Getenv("NATS_USER"); user != "" {
		options = append(options, nats.UserInfo(user, os.Getenv("NATS_PASSWORD")))
	}
	if seed := os.Getenv("NATS_SEED"); seed != "" {
		option, err := nats.NkeyOptionFromSeed(seed)
		fail(err)
		options = append(options, option)
	}
	return nats.Connect(os.Getenv("NATS_URL"), append(options, more...)...)
}

func mustDial(more ...nats.Option) *nats.Conn {
	connection, err := dial(more...)
	fail(err)
	return connection
}

func flush(connections ...*nats.Conn) {
	for _, connection := range connections {
		fail(connection.FlushTimeout(patience))
	}
}

func until(done func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if done() {
			return true
		}
	}
	return done()
}

func messages() facts {
	client, other := mustDial(), mustDial()
	var lock sync.Mutex
	seen := []string{}
	note := func(prefix string) nats.MsgHandler {
		return func(message *nats.Msg) {
			lock.Lock()
			defer lock.Unlock()
			seen = append(seen, prefix+" "+message.Subject+" "+string(message.Data))
		}
	}
	_, err := client.Subscribe("a.*.c", note("*"))
	fail(err)
	_, err = client.Subscribe("a.>", note(">"))
	fail(err)
	gone, err := client.Subscribe("a.b.c", note("never"))
	fail(err)
	fail(gone.Unsubscribe())
	_, err = client.Subscribe("big", func(message *nats.Msg) { _ = message.Respond(message.Data) })
	fail(err)
	flush(client)
	for _, subject := range []string{"a.b.c", "a.b.d", "a.b", "b.b.c"} {
		fail(other.Publish(subject, []byte("hi")))
	}
	answer, err := other.Request("big", make([]byte, 500_000), patience)
	fail(err)
	count := func() int { lock.Lock(); defer lock.Unlock(); return len(seen) }
	until(func() bool { return count() >= 4 })
	flush(client, other)
	lock.Lock()
	defer lock.Unlock()
	sort.Strings(seen)
	return facts{"seen": seen, "bytes": len(answer.Data)}
}

func queue() facts {
	client := mustDial()
	var counts [3]atomic.Int64
	for index := range counts {
		_, err := client.QueueSubscribe("work", "workers", func(*nats.Msg) { counts[index].Add(1) })
		fail(err)
	}
	for range 300 {
		fail(client.Publish("work", nil))
	}
	sum := func() int64 { return counts[0].Load() + counts[1].Load() + counts[2].Load() }
	flush(client)
	until(func() bool { return sum() >= 300 })
	flush(client)
	served := 0
	for index := range counts {
		if counts[index].Load() > 0 {
			served++
		}
	}
	return facts{"total": sum(), "served": served}
}

func request() facts {
	client := mustDial()
	_, err := client.Subscribe("echo", func(message *nats.Msg) { _ = message.Respond([]byte("re: " + string(message.Data))) })
	fail(err)
	answer, err := client.Request("echo", []byte("hi"), patience)
	fail(err)
	_, err = client.Request("nobody", []byte("hi"), patience)
	return facts{"answer": string(answer.Data), "nobody": errors.Is(err, nats.ErrNoResponders)}
}

func withHeaders() facts {
	client := mustDial()
	subscription, err := client.SubscribeSync("h")
	fail(err)
	message := nats.NewMsg("h")
	message.Header.Add("X-Test", "one")
	message.Header.Add("X-Test", "two")
	message.Data = []byte("body")
	fail(client.PublishMsg(message))
	received, err := subscription.NextMsg(patience)
	fail(err)
	return facts{"values": received.Header.Values("X-Test")}
}

func drain() facts {
	ended := make(chan struct{})
	client, other := mustDial(nats.ClosedHandler(func(*nats.Conn) { close(ended) })), mustDial()
	var seen atomic.Int64
	_, err := client.Subscribe("d", func(*nats.Msg) { seen.Add(1) })
	fail(err)
	flush(client)
	for range 1000 {
		fail(other.Publish("d", []byte("x")))
	}
	flush(other)
	fail(client.Drain())
	<-ended
	return facts{"seen": seen.Load()}
}

func reconnect() facts {
	var returns, seen atomic.Int64
	client := mustDial(nats.ReconnectHandler(func(*nats.Conn) { returns.Add(1) }))
	_, err := client.Subscribe("again", func(*nats.Msg) {
		if returns.Load() > 0 {
			seen.Add(1)
		}
	})
	fail(err)
	flush(client)
	say(facts{"ready": true})
	back := until(func() bool {
		if returns.Load() > 0 {
			_ = client.Publish("again", nil)
			time.Sleep(20 * time.Millisecond)
		}
		return seen.Load() > 0
	})
	return facts{"back": back}
}

func slow() facts {
	var noticed atomic.Bool
	client := mustDial(nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrSlowConsumer) {
			noticed.Store(true)
		}
	}))
	other := mustDial()
	gate := make(chan struct{})
	subscription, err := client.Subscribe("s", func(*nats.Msg) { <-gate })
	fail(err)
	fail(subscription.SetPendingLimits(10, -1))
	flush(client)
	for range 1000 {
		fail(other.Publish("s", []byte("x")))
	}
	flush(other, client)
	until(noticed.Load)
	close(gate)
	return facts{"noticed": noticed.Load(), "alive": client.FlushTimeout(patience) == nil}
}

func refused() facts {
	_, err := dial()
	if err == nil {
		return facts{"refused": false, "message": ""}
	}
	return facts{"refused": true, "message": strings.ToLower(err.Error())}
}

func main() {
	scenarios := map[string]func() facts{
		"messages": messages, "queue": queue, "request": request, "headers": withHeaders,
		"drain": drain, "reconnect": reconnect, "slow": slow, "refused": refused,
	}
	say(scenarios[os.Args[1]]())
}
