; Stands in for the real zone; the addresses are those that the article saw in 2011.
$TTL 1h
@	SOA ns.example.com. hostmaster.example.com. 1 2h 30m 30d 1h
	NS ns.example.com.
@	300 A 74.125.224.52
	300 A 74.125.224.48
www	300 CNAME @
ssl	A 203.0.113.10
