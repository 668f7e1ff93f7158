package kernels

func (l *lowering) transpose() error {
	s := l.shape(l.in.In[0])
	l.launch("transpose", line(ceilDiv(s[0], 32)*ceilDiv(s[1], 32)), Extent{32, 8, 1}, pass(Address(l.result())), pass(Address(l.in.In[0])),
		pass(Int32(s[0])), pass(Int32(s[1])))
	return nil
}
