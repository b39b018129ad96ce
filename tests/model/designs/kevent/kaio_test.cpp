// SPDX-License-Identifier: Apache-2.0
#include "model/designs/kevent/kaio.h"

#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using namespace iodrome::designs::kevent;

namespace {

struct Scene;

// Notes who called it where and when; what it answers is up to the test.
struct Noted final : KaioRequest {
  Noted(Scene& of, std::string called) : scene(of), name(std::move(called)) { get(); }
  static Task<int> work(Sleepable& ctx, KaioRequest& self);
  Scene& scene;
  std::string name;
  Duration takes{};
  int answer = 0;
  std::uint32_t appends = 0;  // callbacks that it adds to itself
};

struct Scene {
  explicit Scene(std::uint32_t count, std::uint32_t cpus = 1)
      : rig(cpus), threads(rig.system, count) {}
  ~Scene() {
    rig.end();
    for (Noted* request : requests) request->put();
  }
  Noted& request(const std::string& name) {
    requests.push_back(new Noted(*this, name));
    requests.back()->append(&Noted::work);
    return *requests.back();
  }
  Rig rig;
  KaioThreads threads;
  WaitQueue sleepers{"test"};
  std::vector<Noted*> requests;
  Log log;
};

Task<int> Noted::work(Sleepable& ctx, KaioRequest& request) {
  auto& self = static_cast<Noted&>(request);
  self.scene.log.add(self.name + "/" + ctx.thread().name, ctx.now());
  for (; self.appends > 0; --self.appends) CHECK(self.append(&Noted::work) == Errno::ok);
  if (self.takes != Duration{0}) {
    Scene& scene = self.scene;
    scene.rig.at(scene.rig.now() + self.takes,
                 [&scene] { scene.sleepers.wake_from_outside(scene.rig.system); });
    co_await scene.sleepers.wait(ctx, "test", events::Stage::queue);
  }
  co_return self.answer;
}

}  // namespace

TEST_CASE("seven callbacks fit a request, and one more overflows it") {
  Scene s(1);
  Noted& request = s.request("a");
  for (int i = 0; i < 6; ++i) CHECK(request.append(&Noted::work) == Errno::ok);
  CHECK(request.append(&Noted::work) == Errno::eoverflow);
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await scene.threads.schedule(ctx, *scene.requests[0]);
  });
  CHECK(s.log.text ==
        "a/kaio/0@0 a/kaio/0@0 a/kaio/0@0 a/kaio/0@0 a/kaio/0@0 a/kaio/0@0 a/kaio/0@0");
  CHECK_FALSE(request.has_calls());
}

TEST_CASE("requests go to the threads in turn, a turn for each CPU, and stay with theirs") {
  Scene s(3, 2);
  for (const char* name : {"a", "b", "c", "d"}) s.request(name);
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    for (Noted* request : scene.requests) co_await scene.threads.schedule(ctx, *request);
  });
  for (const char* served : {"a/kaio/0", "b/kaio/1", "c/kaio/2", "d/kaio/0"}) {
    CAPTURE(s.log.text, served);
    CHECK(s.log.text.find(served) != std::string::npos);
  }
  s.log.text.clear();
  s.request("e");
  s.requests[2]->append(&Noted::work);
  s.rig.thread<Scene>(1, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await scene.threads.schedule(ctx, *scene.requests[4]);
    co_await scene.threads.schedule(ctx, *scene.requests[2]);
  });
  s.rig.run();
  CHECK(s.log.text == "e/kaio/0@0 c/kaio/2@0");
}

TEST_CASE("a thread takes the youngest request first, so one that waits may wait long") {
  Scene s(1);
  for (const char* name : {"a", "b", "c"}) s.request(name).takes = 10us;
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    for (Noted* request : scene.requests) {
      co_await scene.threads.schedule(ctx, *request);
      co_await ctx.sched_yield();
    }
  });
  CHECK(s.log.text == "a/kaio/0@0 c/kaio/0@10000 b/kaio/0@20000");
}

TEST_CASE("a callback ends the request, lets the others wait, or has the next one called") {
  Scene s(1);
  for (const int answer : {-1, 0, 1}) {
    Noted& request = s.request("r");
    request.answer = answer;
    request.append(&Noted::work);
    request.append(&Noted::work);
    s.log.text.clear();
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      co_await scene.threads.schedule(ctx, *scene.requests.back());
    });
    s.rig.run();
    const std::string once = "r/kaio/0@0";
    // Above 0 it goes back on the list, as long as it has something to call.
    CHECK(s.log.text == (answer < 0 ? once : once + " " + once + " " + once));
    CHECK_FALSE(request.has_calls());
  }
}

TEST_CASE("a request grows while it runs") {
  Scene s(1);
  s.request("a").appends = 3;
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await scene.threads.schedule(ctx, *scene.requests[0]);
  });
  CHECK(s.log.text == "a/kaio/0@0 a/kaio/0@0 a/kaio/0@0 a/kaio/0@0");
}

TEST_CASE("a thread that sleeps in a callback holds up its own requests and nobody else's") {
  Scene s(2);
  s.request("a").takes = 30us;
  s.request("b");
  s.request("c");
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await scene.threads.schedule(ctx, *scene.requests[0]);
    co_await ctx.sched_yield();
    co_await scene.threads.schedule(ctx, *scene.requests[1]);
    co_await scene.threads.schedule(ctx, *scene.requests[2]);
  });
  CHECK(s.log.text == "a/kaio/0@0 b/kaio/1@0 c/kaio/0@30000");
}
