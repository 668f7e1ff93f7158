package kernels

import "fmt"

func (l *lowering) maxPool() error {
	l.window("max_pool", l.shape(l.in.In[0]), l.shape(l.in.Out[0]), l.windowSettings()...)
	return nil
}

func (l *lowering) maxPoolGrad() error {
	l.window("max_pool_grad", l.shape(l.in.Out[0]), l.shape(l.in.In[0]), l.windowSettings()...)
	return nil
}

func (l *lowering) windowSettings() []param {
	a := l.in.Attrs
	return []param{text("%d", a.Kernel), text("%d", a.Stride), text("%d", a.Pad)}
}

func (l *lowering) avgPool() error {
	l.window("avg_pool", l.shape(l.in.In[0]), l.shape(l.in.Out[0]))
	return nil
}

func (l *lowering) avgPoolGrad() error {
	l.window("avg_pool_grad", l.shape(l.in.Out[0]), l.shape(l.in.In[0]))
	return nil
}

// window launches a function over the result, between images x and what their windows give y.
func (l *lowering) window(function string, x, y []int, settings ...param) {
	count, v := l.size(l.in.Out[0]), l.vector(x[3], l.addresses()...)
	index, n := "int", pass(Int32(count))
	if max(count, l.size(l.in.In[0])) >= 1<<30 { // a thread's last step must not overflow
		index, n = "long long", pass(Int64(count))
	}
	params := []param{l.result(0)}
	for i := range l.in.In {
		params = append(params, l.operand(i))
	}
	params = append(params, n, pass(Int32(x[1])), pass(Int32(x[2])), pass(Int32(x[3])), pass(Int32(y[1])), pass(Int32(y[2])))
	l.launch(fmt.Sprintf("%s<%s, %d>", function, index, v), over(count, v), line(threads),
		append(params, settings...)...)
}
