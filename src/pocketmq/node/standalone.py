"""`pocketmq up`: a name server and a broker on one loop of one process."""

from pocketmq.node.broker_role import BrokerNode, run_until_told
from pocketmq.node.namesrv_role import NamesrvNode
from pocketmq.node.plan import Listening, StandalonePlan
from pocketmq.node.signals import StopSignals
from pocketmq.transport.clock import Clock


class Standalone:
    """Both nodes; for `pocketmq up`, and for tests that want a broker inside their own loop."""

    def __init__(self, plan: StandalonePlan, clock: Clock) -> None:
        self.namesrv = NamesrvNode(plan.namesrv, clock)
        self.broker = BrokerNode(plan.broker, clock)

    async def start(self) -> Listening:
        """Both serve when it returns, and the broker is in the routes."""
        await self.namesrv.start()
        try:
            address = f"{self.broker.settings.broker_ip1}:{self.namesrv.port}"
            self.broker.namesrv_addr = address
            await self.broker.start()
        except BaseException:
            await self.namesrv.stop()
            raise
        return Listening(namesrv_address=address, broker_address=self.broker.state.address)

    async def stop(self) -> None:
        """The broker first, while there is a name server to tell."""
        await self.broker.stop()
        await self.namesrv.stop()


async def serve(plan: StandalonePlan) -> int:
    """Serves until SIGTERM or SIGINT; the exit status."""
    signals = StopSignals()
    both = Standalone(plan, Clock())
    plan.ready(await both.start())
    try:
        await run_until_told(signals, both.namesrv.watch(), *both.broker.loops())
    finally:
        await both.stop()
    return 0
