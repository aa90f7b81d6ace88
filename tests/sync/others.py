"""What other processes do in these tests. Nothing of a test is loaded here."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import warnings
from pathlib import Path

from omnichannel.sync import Client


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def answer(store: str, conversation: str, key: str) -> None:
    """Answers once."""
    with Client(store=store) as client:
        say(client.reply(conversation, "It is in Oslo.", agent="mia", idempotency_key=key).id)


def answer_for_ever(store: str, conversation: str, begin: str) -> None:
    """Answers again and again, and says which answer was taken."""
    client = Client(store=store)
    for number in itertools.count(int(begin)):
        client.reply(conversation, "It is in Oslo.", idempotency_key=f"{number:06}")
        say(f"{number:06}")


def fork(store: str, conversation: str, children: str) -> None:
    """Answers in two threads all the time, and forks meanwhile; each child answers, and the parent after it."""
    # A fork among threads may deadlock whoever is not prepared for it: that is what is tried here.
    warnings.filterwarnings("ignore", ".*multi-threaded.*", DeprecationWarning)
    client = Client(store=store)
    done = threading.Event()

    def keep_answering(name: str) -> None:
        for number in itertools.count():
            if done.is_set():
                return
            client.reply(conversation, "Again.", idempotency_key=f"thread-{name}-{number}")

    threads = [threading.Thread(target=keep_answering, args=[name]) for name in "ab"]
    for thread in threads:
        thread.start()
    for number in range(int(children)):
        client.reply(conversation, "Before.", idempotency_key=f"before-{number}")
        child = os.fork()
        if child == 0:
            _in_child(client, store, conversation, number)
        client.reply(conversation, "After.", idempotency_key=f"after-{number}")
        _, status = os.waitpid(child, 0)
        say(f"child {os.waitstatus_to_exitcode(status)}")
    done.set()
    for thread in threads:
        thread.join()
    client.close()
    say("ended")


def _in_child(client: Client, store: str, conversation: str, number: int) -> None:
    """Never returns: what failed is said by the exit code."""
    code = 1
    try:
        if inherited(store):
            code = 2
        else:
            made = client.reply(conversation, "Child.", idempotency_key=f"child-{number}")
            code = 0 if client.delivery(made.id).state == "queued" else 3
            client.close()
    finally:
        os._exit(code)


def inherited(store: str) -> list[str]:
    """The files of a store, or the connections to it, that this process has open, where the system tells."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return []
    files = [os.path.realpath(one) for one in folder.iterdir()]
    path = store.partition("sqlite:///")[2]
    begins = os.path.realpath(path) if path else "/proc/self/fd/socket:"
    return [one for one in files if one.startswith(begins)]
