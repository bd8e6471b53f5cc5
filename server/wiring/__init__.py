"""How one worker is put together, from the ground up; each module builds on those before it.

    ground.py   what everything stands on: store, backplane, fan-out, signals, metrics, time and chance
    people.py   who is connected, how they stand, what they may do in a time; what staff watches
    turns.py    what answers customers: model, policy, bot, the runner of turns
    talk.py     the verbs of PROTOCOL §4, over all of these
    edge.py     sockets and HTTP in front of the verbs

They only build: nothing here opens a connection or starts a task. ``server.app`` does that.
"""
