# The C signatures behind laying.py, for the commit log.

cpdef Py_ssize_t size_of(Py_ssize_t topic_bytes, Py_ssize_t body_bytes, Py_ssize_t properties_bytes, Py_ssize_t host_bytes)

cpdef Py_ssize_t lay(
    bytearray buffer, Py_ssize_t at, bytes topic, int queue_id, int flag, long long queue_offset, long long log_offset,
    int sys_flag, long long born_timestamp, bytes born_host, long long store_timestamp, bytes store_host,
    int reconsume_times, long long prepared_transaction_offset, bytes body, bytes properties
) except -1
