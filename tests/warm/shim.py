"""Hand a command over to the warm server, and end as it ends.

The programs `python` and `dvc` of a warm environment consist of this file, so it imports nothing that takes time. What
is not for the server, the real program does.
"""

import _signal
import _socket
import marshal
import os
import sys

FORWARDED = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM)


def warm(command, tools, cwd):
    """Return the command for the server: DVC, or a module of the project in whose folder it runs. Otherwise None.

    Processes of joblib and of multiprocessing are real, because they inherit other files than the standard ones.
    """
    program, *words = command
    folder, name = os.path.split(program)
    if folder not in ("", tools):
        return None
    if name == "dvc":
        return [os.path.join(tools, "dvc"), *words]
    if name == "python" and words[:1] == ["-m"] and len(words) > 1:
        package = words[1].partition(".")[0]
        if words[1] == "dvc" or os.path.isfile(os.path.join(cwd, "src", package, "__init__.py")):
            return [os.path.join(tools, "python"), *words]
    return None


def ask(address, words, cwd, env, files):
    """Send a command to the server; return the connection, on which come the id of its process and its exit code."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    connection.connect(address)
    request = marshal.dumps((words, cwd, env))
    passed = b"".join(file.to_bytes(4, sys.byteorder) for file in files)
    connection.sendmsg([len(request).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, passed)])
    while request:
        request = request[connection.send(request) :]
    return connection


def number(connection):
    """Return the next number that the server sends; 0 for a process means that the environment is not the server's."""
    received = b""
    while len(received) < 4:
        piece = connection.recv(4 - len(received))
        if not piece:
            raise EOFError("the warm Python has ended")
        received += piece
    return int.from_bytes(received, "big", signed=True)


def main():
    place, name = os.path.split(os.path.abspath(sys.argv[0]))
    tools, cwd = os.path.dirname(sys.executable), os.getcwd()
    words = warm([name, *sys.argv[1:]], tools, cwd)
    process, waiting = 0, []

    def forward(signal, frame):
        if process:
            os.kill(process, signal)
        else:
            waiting.append(signal)

    if words is not None:
        handled = [one for one in FORWARDED if _signal.getsignal(one) != _signal.SIG_IGN]
        for one in handled:
            _signal.signal(one, forward)
        connection = ask(os.path.join(os.path.dirname(place), "socket"), words, cwd, dict(os.environ), (0, 1, 2))
        process = number(connection)
        for one in waiting:
            os.kill(process or os.getpid(), one)
        if process:
            code = number(connection)
            if code < 0:
                _signal.signal(-code, _signal.SIG_DFL)
                os.kill(os.getpid(), -code)
            os._exit(code)
        for one in handled:
            _signal.signal(one, _signal.SIG_DFL)
    program = os.path.join(tools, name)
    os.execv(program, [program, *sys.argv[1:]])


if __name__ == "__main__":
    main()
