package kubernetes

import (
	"errors"
	"net/http"

	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/gentype"
	"k8s.io/client-go/rest"
)

// clients are for the kinds of objects that we speak of, and no others:
// client-go's own set registers every kind that there is whenever a program
// starts, which takes 20 MB and longer than a plan.
type clients struct {
	jobs     *gentype.ClientWithList[*batchv1.Job, *batchv1.JobList]
	cronJobs *gentype.ClientWithList[*batchv1.CronJob, *batchv1.CronJobList]
	pods     *gentype.ClientWithList[*corev1.Pod, *corev1.PodList]
	events   *gentype.ClientWithList[*corev1.Event, *corev1.EventList]
	quotas   *gentype.ClientWithList[*corev1.ResourceQuota, *corev1.ResourceQuotaList]
	ranges   *gentype.ClientWithList[*corev1.LimitRange, *corev1.LimitRangeList]
	leases   *gentype.Client[*coordinationv1.Lease]
	reviews  *gentype.Client[*authorizationv1.SelfSubjectAccessReview]
	core     rest.Interface // for what is no object: logs, the version
	codec    runtime.ParameterCodec
}

func newClients(config *rest.Config, client *http.Client, namespace string) (clients, error) {
	kinds := runtime.NewScheme()
	var errs []error
	for _, add := range []func(*runtime.Scheme) error{
		batchv1.AddToScheme, corev1.AddToScheme, coordinationv1.AddToScheme, authorizationv1.AddToScheme,
	} {
		errs = append(errs, add(kinds))
	}
	group := func(version schema.GroupVersion) rest.Interface {
		c := rest.CopyConfig(config)
		c.GroupVersion, c.APIPath = &version, "/apis"
		if version.Group == "" {
			c.APIPath = "/api"
		}
		c.NegotiatedSerializer = serializer.NewCodecFactory(kinds).WithoutConversion()
		made, err := rest.RESTClientForConfigAndClient(c, client)
		errs = append(errs, err)
		return made
	}
	codec, core, batch := runtime.NewParameterCodec(kinds), group(corev1.SchemeGroupVersion), group(batchv1.SchemeGroupVersion)
	all := clients{
		jobs:     listed[batchv1.Job, batchv1.JobList]("jobs", batch, codec, namespace),
		cronJobs: listed[batchv1.CronJob, batchv1.CronJobList]("cronjobs", batch, codec, namespace),
		pods:     listed[corev1.Pod, corev1.PodList]("pods", core, codec, namespace),
		events:   listed[corev1.Event, corev1.EventList]("events", core, codec, namespace),
		quotas:   listed[corev1.ResourceQuota, corev1.ResourceQuotaList]("resourcequotas", core, codec, namespace),
		ranges:   listed[corev1.LimitRange, corev1.LimitRangeList]("limitranges", core, codec, namespace),
		leases: gentype.NewClient("leases", group(coordinationv1.SchemeGroupVersion), codec, namespace,
			func() *coordinationv1.Lease { return &coordinationv1.Lease{} }),
		reviews: gentype.NewClient("selfsubjectaccessreviews", group(authorizationv1.SchemeGroupVersion), codec, "",
			func() *authorizationv1.SelfSubjectAccessReview { return &authorizationv1.SelfSubjectAccessReview{} }),
		core: core, codec: codec,
	}
	return all, errors.Join(errs...)
}

// object is a pointer to one kind of objects.
type object[T any] interface {
	*T
	runtime.Object
	metav1.Object
}

// list is a pointer to a list of them.
type list[L any] interface {
	*L
	runtime.Object
}

func listed[T, L any, P object[T], Q list[L]](
	resource string, group rest.Interface, codec runtime.ParameterCodec, namespace string,
) *gentype.ClientWithList[P, Q] {
	return gentype.NewClientWithList(resource, group, codec, namespace,
		func() P { return P(new(T)) }, func() Q { return Q(new(L)) }, gentype.PrefersProtobuf[P]())
}
