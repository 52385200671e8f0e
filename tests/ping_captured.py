"""What condor_ping 25.14.1 -debug -table said, with TOOL_DEBUG = D_SECURITY, to real tokens and a real pool.

Names are changed, and of the log the half on ADVERTISE_MASTER is left out.
"""

from ospool_ep.machine import TIMED_OUT, Result

ACCEPTED = Result(
    0,
    """\
         Instruction Authentication Encryption Integrity Decision Identity
    ADVERTISE_STARTD       IDTOKENS        AES       AES    ALLOW pilot@pool.test
    ADVERTISE_MASTER       IDTOKENS        AES       AES    ALLOW pilot@pool.test
""",
    """\
11/28/26 17:28:17 recognized ADVERTISE_STARTD as authorization level, using command 60027.
11/28/26 17:28:17 recognized ADVERTISE_MASTER as authorization level, using command 60029.
11/28/26 17:28:17 SECMAN: command 60040 DC_SEC_QUERY to collector <192.0.2.7:9618> from TCP port 34505 (blocking).
11/28/26 17:28:17 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer .
11/28/26 17:28:17 Can try token auth because we have at least one token.
11/28/26 17:28:17 SECMAN: new session, doing initial authentication.
11/28/26 17:28:17 SECMAN: Auth methods: TOKEN
11/28/26 17:28:17 AUTHENTICATE: setting timeout for <192.0.2.7:9618> to 20.
11/28/26 17:28:17 HANDSHAKE: in handshake(my_methods = 'TOKEN')
11/28/26 17:28:17 HANDSHAKE: handshake() - i am the client
11/28/26 17:28:17 HANDSHAKE: sending (methods == 2048) to server
11/28/26 17:28:17 HANDSHAKE: server replied (method = 2048)
11/28/26 17:28:17 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer pool.test.
11/28/26 17:28:17 Authentication was a Success.
11/28/26 17:28:17 AUTHENTICATION: setting default map to condor@password
11/28/26 17:28:17 AUTHENTICATION: post-map: current FQU is 'condor@password'
11/28/26 17:28:17 AUTHENTICATE: Exchanging keys with remote side.
11/28/26 17:28:17 AUTHENTICATE: Result of end of authenticate is 1.
11/28/26 17:28:17 SECMAN: generating AES key for session with collector <192.0.2.7:9618>...
11/28/26 17:28:17 SECMAN: successfully enabled encryption!
11/28/26 17:28:17 SECMAN: successfully enabled message authenticator!
11/28/26 17:28:17 SESSION: client duplicated AES to BLOWFISH key for UDP.
11/28/26 17:28:17 SECMAN: added session cm:91:1795886897:43 to cache for 60 seconds (3600s lease).
11/28/26 17:28:17 SECMAN: startCommand succeeded.
""",
)

DENIED = Result(
    1,
    """\
         Instruction Authentication Encryption Integrity Decision Identity
    ADVERTISE_STARTD           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)
    ADVERTISE_MASTER           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)
""",
    """\
11/28/26 17:28:18 recognized ADVERTISE_STARTD as authorization level, using command 60027.
11/28/26 17:28:18 recognized ADVERTISE_MASTER as authorization level, using command 60029.
11/28/26 17:28:18 SECMAN: command 60040 DC_SEC_QUERY to collector <192.0.2.7:9618> from TCP port 42351 (blocking).
11/28/26 17:28:18 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer .
11/28/26 17:28:18 Can try token auth because we have at least one token.
11/28/26 17:28:18 SECMAN: new session, doing initial authentication.
11/28/26 17:28:18 SECMAN: Auth methods: TOKEN
11/28/26 17:28:18 AUTHENTICATE: setting timeout for <192.0.2.7:9618> to 20.
11/28/26 17:28:18 HANDSHAKE: in handshake(my_methods = 'TOKEN')
11/28/26 17:28:18 HANDSHAKE: handshake() - i am the client
11/28/26 17:28:18 HANDSHAKE: sending (methods == 2048) to server
11/28/26 17:28:18 HANDSHAKE: server replied (method = 2048)
11/28/26 17:28:18 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer pool.test.
11/28/26 17:28:18 Authentication was a Success.
11/28/26 17:28:18 AUTHENTICATION: setting default map to condor@password
11/28/26 17:28:18 AUTHENTICATION: post-map: current FQU is 'condor@password'
11/28/26 17:28:18 AUTHENTICATE: Exchanging keys with remote side.
11/28/26 17:28:18 AUTHENTICATE: Result of end of authenticate is 1.
11/28/26 17:28:18 SECMAN: generating AES key for session with collector <192.0.2.7:9618>...
11/28/26 17:28:18 SECMAN: successfully enabled encryption!
11/28/26 17:28:18 SECMAN: successfully enabled message authenticator!
11/28/26 17:28:18 SECMAN: FAILED: Received "DENIED" from server for user other@pool.test using method IDTOKENS.
""",
)

KEY = Result(
    1,
    """\
         Instruction Authentication Encryption Integrity Decision Identity
    ADVERTISE_STARTD           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)
    ADVERTISE_MASTER           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)
""",
    """\
11/28/26 17:28:18 recognized ADVERTISE_STARTD as authorization level, using command 60027.
11/28/26 17:28:18 recognized ADVERTISE_MASTER as authorization level, using command 60029.
11/28/26 17:28:18 SECMAN: command 60040 DC_SEC_QUERY to collector <192.0.2.7:9618> from TCP port 34385 (blocking).
11/28/26 17:28:18 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer .
11/28/26 17:28:18 Can try token auth because we have at least one token.
11/28/26 17:28:18 SECMAN: new session, doing initial authentication.
11/28/26 17:28:18 SECMAN: Auth methods: TOKEN
11/28/26 17:28:18 AUTHENTICATE: setting timeout for <192.0.2.7:9618> to 20.
11/28/26 17:28:18 HANDSHAKE: in handshake(my_methods = 'TOKEN')
11/28/26 17:28:18 HANDSHAKE: handshake() - i am the client
11/28/26 17:28:18 HANDSHAKE: sending (methods == 2048) to server
11/28/26 17:28:18 HANDSHAKE: server replied (method = 2048)
11/28/26 17:28:18 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer pool.test.
11/28/26 17:28:18 Ignoring token as it was signed with key OTHER (not known to the server).
11/28/26 17:28:18 TOKEN: No token found.
11/28/26 17:28:18 PW: Failed to fetch a login name
11/28/26 17:28:18 Client error: NULL in send?
11/28/26 17:28:18 Server sent status indicating not OK.
11/28/26 17:28:18 PW: Client received ERROR from server, propagating
11/28/26 17:28:18 Client error: don't know my own name?
11/28/26 17:28:18 Can't send null for random string.
11/28/26 17:28:18 Client error: I have no name?
11/28/26 17:28:18 AUTHENTICATE: method 2048 (IDTOKENS) failed.
11/28/26 17:28:18 HANDSHAKE: in handshake(my_methods = '')
11/28/26 17:28:18 HANDSHAKE: handshake() - i am the client
11/28/26 17:28:18 HANDSHAKE: sending (methods == 0) to server
11/28/26 17:28:18 HANDSHAKE: server replied (method = 0)
11/28/26 17:28:18 SECMAN: required authentication with local collector failed, so aborting command DC_SEC_QUERY.
""",
)

SIGNATURE = Result(
    1,
    """\
         Instruction Authentication Encryption Integrity Decision Identity
    ADVERTISE_STARTD           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)
    ADVERTISE_MASTER           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)
""",
    """\
11/28/26 17:28:19 recognized ADVERTISE_STARTD as authorization level, using command 60027.
11/28/26 17:28:19 recognized ADVERTISE_MASTER as authorization level, using command 60029.
11/28/26 17:28:19 SECMAN: command 60040 DC_SEC_QUERY to collector <192.0.2.7:9618> from TCP port 34303 (blocking).
11/28/26 17:28:19 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer .
11/28/26 17:28:19 Can try token auth because we have at least one token.
11/28/26 17:28:19 SECMAN: new session, doing initial authentication.
11/28/26 17:28:19 SECMAN: Auth methods: TOKEN
11/28/26 17:28:19 AUTHENTICATE: setting timeout for <192.0.2.7:9618> to 20.
11/28/26 17:28:19 HANDSHAKE: in handshake(my_methods = 'TOKEN')
11/28/26 17:28:19 HANDSHAKE: handshake() - i am the client
11/28/26 17:28:19 HANDSHAKE: sending (methods == 2048) to server
11/28/26 17:28:19 HANDSHAKE: server replied (method = 2048)
11/28/26 17:28:19 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer pool.test.
11/28/26 17:28:19 Hash supplied by server doesn't match that calculated by the client.
11/28/26 17:28:19 AUTHENTICATE: method 2048 (IDTOKENS) failed.
11/28/26 17:28:19 HANDSHAKE: in handshake(my_methods = '')
11/28/26 17:28:19 HANDSHAKE: handshake() - i am the client
11/28/26 17:28:19 HANDSHAKE: sending (methods == 0) to server
11/28/26 17:28:19 HANDSHAKE: server replied (method = 0)
11/28/26 17:28:19 SECMAN: required authentication with local collector failed, so aborting command DC_SEC_QUERY.
""",
)

FOREIGN = Result(
    1,
    """\
         Instruction Authentication Encryption Integrity Decision Identity
    ADVERTISE_STARTD           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)
    ADVERTISE_MASTER           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)
""",
    """\
11/28/26 17:28:20 recognized ADVERTISE_STARTD as authorization level, using command 60027.
11/28/26 17:28:20 recognized ADVERTISE_MASTER as authorization level, using command 60029.
11/28/26 17:28:20 SECMAN: command 60040 DC_SEC_QUERY to collector <192.0.2.7:9618> from TCP port 34529 (blocking).
11/28/26 17:28:20 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer .
11/28/26 17:28:20 Can try token auth because we have at least one token.
11/28/26 17:28:20 SECMAN: new session, doing initial authentication.
11/28/26 17:28:20 SECMAN: Auth methods: TOKEN
11/28/26 17:28:20 AUTHENTICATE: setting timeout for <192.0.2.7:9618> to 20.
11/28/26 17:28:20 HANDSHAKE: in handshake(my_methods = 'TOKEN')
11/28/26 17:28:20 HANDSHAKE: handshake() - i am the client
11/28/26 17:28:20 HANDSHAKE: sending (methods == 2048) to server
11/28/26 17:28:20 HANDSHAKE: server replied (method = 2048)
11/28/26 17:28:20 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer pool.test.
11/28/26 17:28:20 Ignoring token as it is from trust domain elsewhere.example.org (server trust domain is pool.test).
11/28/26 17:28:20 TOKEN: No token found.
11/28/26 17:28:20 PW: Failed to fetch a login name
11/28/26 17:28:20 Client error: NULL in send?
11/28/26 17:28:20 Server sent status indicating not OK.
11/28/26 17:28:20 PW: Client received ERROR from server, propagating
11/28/26 17:28:20 Client error: don't know my own name?
11/28/26 17:28:20 Can't send null for random string.
11/28/26 17:28:20 Client error: I have no name?
11/28/26 17:28:20 AUTHENTICATE: method 2048 (IDTOKENS) failed.
11/28/26 17:28:20 HANDSHAKE: in handshake(my_methods = '')
11/28/26 17:28:20 HANDSHAKE: handshake() - i am the client
11/28/26 17:28:20 HANDSHAKE: sending (methods == 0) to server
11/28/26 17:28:20 HANDSHAKE: server replied (method = 0)
11/28/26 17:28:20 SECMAN: required authentication with local collector failed, so aborting command DC_SEC_QUERY.
""",
)

EXPIRED = Result(
    1,
    """\
         Instruction Authentication Encryption Integrity Decision Identity
    ADVERTISE_STARTD           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)
    ADVERTISE_MASTER           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)
""",
    """\
11/28/26 17:28:21 recognized ADVERTISE_STARTD as authorization level, using command 60027.
11/28/26 17:28:21 recognized ADVERTISE_MASTER as authorization level, using command 60029.
11/28/26 17:28:21 SECMAN: command 60040 DC_SEC_QUERY to collector <192.0.2.7:9618> from TCP port 38463 (blocking).
11/28/26 17:28:21 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer .
11/28/26 17:28:21 Can try token auth because we have at least one token.
11/28/26 17:28:21 SECMAN: new session, doing initial authentication.
11/28/26 17:28:21 SECMAN: Auth methods: TOKEN
11/28/26 17:28:21 AUTHENTICATE: setting timeout for <192.0.2.7:9618> to 20.
11/28/26 17:28:21 HANDSHAKE: in handshake(my_methods = 'TOKEN')
11/28/26 17:28:21 HANDSHAKE: handshake() - i am the client
11/28/26 17:28:21 HANDSHAKE: sending (methods == 2048) to server
11/28/26 17:28:21 HANDSHAKE: server replied (method = 2048)
11/28/26 17:28:21 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer pool.test.
11/28/26 17:28:21 Server sent status indicating not OK.
11/28/26 17:28:21 PW: Client received ERROR from server, propagating
11/28/26 17:28:21 Can't send null for random string.
11/28/26 17:28:21 AUTHENTICATE: method 2048 (IDTOKENS) failed.
11/28/26 17:28:21 HANDSHAKE: in handshake(my_methods = '')
11/28/26 17:28:21 HANDSHAKE: handshake() - i am the client
11/28/26 17:28:21 HANDSHAKE: sending (methods == 0) to server
11/28/26 17:28:21 HANDSHAKE: server replied (method = 0)
11/28/26 17:28:21 SECMAN: required authentication with local collector failed, so aborting command DC_SEC_QUERY.
""",
)

# The pool's clock in ACCEPTED
CLOCK = 1795886897

_FAILED = """\
         Instruction Authentication Encryption Integrity Decision Identity
    ADVERTISE_STARTD           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)
    ADVERTISE_MASTER           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)
"""
SSH = Result(
    1,
    _FAILED,
    """\
11/28/26 17:19:42 SECMAN: command 60040 DC_SEC_QUERY to collector <192.0.2.9:22> from TCP port 39825 (blocking).
11/28/26 17:19:42 IDTOKENS: Examining /run/p/tokens.d/tok for valid tokens from issuer .
11/28/26 17:19:42 Can try token auth because we have at least one token.
11/28/26 17:19:42 IO: Incoming packet header unrecognized : 53 53 48 2d 32
11/28/26 17:19:42 SECMAN: no classad from server, failing
""",
)
NO_SUCH_SOCK = Result(1, _FAILED, "11/28/26 17:19:41 SECMAN: no classad from server, failing\n")
HANGS = Result(
    TIMED_OUT,
    "",
    "11/28/26 17:19:42 Can try token auth because we have at least one token.\n\nno answer within 8 s",
)
MISSING = Result(127, "", "[Errno 2] No such file or directory: 'condor_ping'")
