// Streams are deferred as far as CUDA allows: work runs when somebody waits for it, and no other work then. So a missing wait
// shows as old or poisoned numbers, every time.
#include "state.h"

#include <chrono>
#include <cstring>

namespace fake {

// poisonBeforeWrite fills what the work will write on the host. Pending work that still reads there runs first.
static int poisonBeforeWrite(Stream& s, const Work& w) {
	for (auto& pending : s.queue)
		if (pending.reads && pending.reads < w.writes + w.bytes && w.writes < pending.reads + pending.bytes) {
			if (int failure = settle(s, s.told)) return failure;
			break;
		}
	memset(w.writes, 0xFF, w.bytes);
	return OK;
}

static int queue(Stream& s, const Work& w) {
	if (w.writes)
		if (int failure = poisonBeforeWrite(s, w)) return failure;
	s.queue.push_back(w);
	s.told++;
	return OK;
}

int add(Stream& s, Work w) {
	if (!s.capture) return queue(s, w);
	if (s.capture->spoilt) return STREAM_CAPTURE_INVALIDATED;
	s.capture->work.push_back(w);
	s.joined = false;
	return OK;
}

int settle(Stream& s, uint64_t until) {
	while (s.done < until && !s.context->lost) {
		Work w = std::move(s.queue.front());
		s.queue.pop_front();
		int result = w.run();
		s.done++;
		if (result) s.context->lost = result;
	}
	return s.context->lost;
}

int settleAll(Context& c) {
	for (auto& s : state().streams)
		if (s.second->context == &c && !s.second->capture)
			if (int failure = settle(*s.second, s.second->told)) return failure;
	return c.lost;
}

int unsafe() {
	bool capturing = false;
	for (auto& s : state().streams) {
		auto& capture = s.second->capture;
		if (capture && capture->thread == std::this_thread::get_id()) capturing = capture->spoilt = true;
	}
	return capturing ? STREAM_CAPTURE_UNSUPPORTED : OK;
}

int enqueue(void* stream, std::function<int()> work) {
	std::lock_guard<std::recursive_mutex> guard(state().lock);
	auto s = state().streams.find(stream);
	if (s == state().streams.end()) return INVALID_HANDLE;
	return add(*s->second, Work{work});
}

static double now() {
	using namespace std::chrono;
	return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace fake

using namespace fake;

#define FIND(kind, name, handle)                              \
	auto name##Found = state().kind.find((void*)handle);        \
	if (name##Found == state().kind.end()) return INVALID_HANDLE; \
	auto name = name##Found->second;

EXPORT int cuStreamCreate(void** stream, unsigned flags) {
	ENTER(cuStreamCreate, CONTEXT)
	if (flags > 1) return bad("cuStreamCreate", "unknown flags");
	auto s = std::make_shared<Stream>();
	s->context = current();
	*stream = s.get();
	state().streams[s.get()] = s;
	return OK;
}

EXPORT int cuStreamDestroy_v2(void* stream) {
	ENTER(cuStreamDestroy_v2, CONTEXT)
	FIND(streams, s, stream)
	int result = s->capture ? ILLEGAL_STATE : settle(*s, s->told);
	state().streams.erase(stream);
	return result;
}

EXPORT int cuStreamSynchronize(void* stream) {
	ENTER(cuStreamSynchronize, CONTEXT)
	FIND(streams, s, stream)
	if (s->capture) s->capture->spoilt = true;
	if (s->capture) return STREAM_CAPTURE_UNSUPPORTED;
	return settle(*s, s->told);
}

EXPORT int cuEventCreate(void** event, unsigned) {
	ENTER(cuEventCreate, CONTEXT)
	auto e = std::make_shared<Event>();
	e->context = current();
	*event = e.get();
	state().events[e.get()] = e;
	return OK;
}

EXPORT int cuEventDestroy_v2(void* event) {
	ENTER(cuEventDestroy_v2, CONTEXT)
	return state().events.erase(event) ? OK : INVALID_HANDLE;
}

EXPORT int cuEventRecord(void* event, void* stream) {
	ENTER(cuEventRecord, CONTEXT)
	FIND(events, e, event)
	FIND(streams, s, stream)
	e->stream = s;
	e->capture = s->capture;
	if (s->capture) return s->capture->spoilt ? STREAM_CAPTURE_INVALIDATED : OK;
	std::weak_ptr<Event> mark = e;
	int result = add(*s, Work{[=] {
		if (auto reached = mark.lock()) reached->ms = now();
		return OK;
	}});
	e->mark = s->told;
	return result;
}

// joinCapture lets a stream wait for an event of a capture: it is recorded from then on, and what it waited for is joined.
static int joinCapture(const std::shared_ptr<Stream>& s, const std::shared_ptr<Event>& e) {
	if (e->capture->spoilt || (s->capture && s->capture != e->capture)) return STREAM_CAPTURE_INVALIDATED;
	s->capture = e->capture;
	if (s != e->stream) e->stream->joined = true, s->joined = false;
	return OK;
}

EXPORT int cuStreamWaitEvent(void* stream, void* event, unsigned) {
	ENTER(cuStreamWaitEvent, CONTEXT)
	FIND(streams, s, stream)
	FIND(events, e, event)
	if (!e->stream) return OK;
	if (e->capture && e->stream->capture == e->capture) return joinCapture(s, e);
	if (s->capture) return unsafe();  // work from outside of the capture
	auto other = e->stream;
	uint64_t mark = e->mark;
	return add(*s, Work{[=] { return settle(*other, mark); }});
}

EXPORT int cuEventSynchronize(void* event) {
	ENTER(cuEventSynchronize, CONTEXT)
	FIND(events, e, event)
	if (!e->stream) return OK;
	if (e->capture) return unsafe() ? STREAM_CAPTURE_UNSUPPORTED : OK;
	return settle(*e->stream, e->mark);
}

// A query lets one piece of work happen, so that a loop of queries ends.
EXPORT int cuEventQuery(void* event) {
	ENTER(cuEventQuery, CONTEXT)
	FIND(events, e, event)
	if (!e->stream || e->stream->done >= e->mark) return OK;
	if (int failure = settle(*e->stream, e->stream->done + 1)) return failure;
	return NOT_READY;
}

EXPORT int cuEventElapsedTime(float* ms, void* from, void* to) {
	ENTER(cuEventElapsedTime, CONTEXT)
	FIND(events, start, from)
	FIND(events, end, to)
	if (!start->stream || !end->stream) return INVALID_HANDLE;
	if (start->stream->done < start->mark || end->stream->done < end->mark) return NOT_READY;
	*ms = (float)(end->ms - start->ms);
	return OK;
}

EXPORT int cuStreamBeginCapture_v2(void* stream, int mode) {
	ENTER(cuStreamBeginCapture_v2, CONTEXT)
	FIND(streams, s, stream)
	if (mode < 0 || mode > 2) return bad("cuStreamBeginCapture_v2", "unknown mode");
	if (s->capture) return ILLEGAL_STATE;
	s->capture = std::make_shared<Capture>();
	s->capture->thread = std::this_thread::get_id();
	s->origin = true;
	return OK;
}

// EndCapture leaves every stream of the capture as it was before.
EXPORT int cuStreamEndCapture(void* stream, void** graph) {
	ENTER(cuStreamEndCapture, CONTEXT)
	FIND(streams, s, stream)
	*graph = nullptr;
	if (!s->capture || !s->origin) return ILLEGAL_STATE;
	if (s->capture->thread != std::this_thread::get_id()) return STREAM_CAPTURE_WRONG_THREAD;
	auto capture = s->capture;
	int result = capture->spoilt ? STREAM_CAPTURE_INVALIDATED : OK;
	for (auto& other : state().streams) {
		if (other.second->capture != capture) continue;
		if (!other.second->origin && !other.second->joined && !result) result = STREAM_CAPTURE_UNJOINED;
		other.second->capture = nullptr;
		other.second->origin = false;
		other.second->joined = true;
	}
	if (result) return result;
	Graph* g = new Graph{capture->work};
	state().graphs.insert(g);
	*graph = g;
	return OK;
}

EXPORT int cuGraphDestroy(void* graph) {
	ENTER(cuGraphDestroy, CONTEXT)
	if (!state().graphs.erase((Graph*)graph)) return INVALID_HANDLE;
	delete (Graph*)graph;
	return OK;
}

EXPORT int cuGraphInstantiateWithFlags(void** exec, void* graph, unsigned long long flags) {
	ENTER(cuGraphInstantiateWithFlags, CONTEXT)
	if (!state().graphs.count((Graph*)graph)) return INVALID_HANDLE;
	if (flags) return bad("cuGraphInstantiateWithFlags", "flags are not known here");
	Exec* x = new Exec{((Graph*)graph)->work};
	state().execs.insert(x);
	*exec = x;
	return OK;
}

EXPORT int cuGraphLaunch(void* exec, void* stream) {
	ENTER(cuGraphLaunch, CONTEXT)
	FIND(streams, s, stream)
	if (!state().execs.count((Exec*)exec)) return INVALID_HANDLE;
	for (auto& w : ((Exec*)exec)->work)
		if (int failure = add(*s, w)) return failure;
	return OK;
}

EXPORT int cuGraphExecDestroy(void* exec) {
	ENTER(cuGraphExecDestroy, CONTEXT)
	if (!state().execs.erase((Exec*)exec)) return INVALID_HANDLE;
	delete (Exec*)exec;
	return OK;
}
